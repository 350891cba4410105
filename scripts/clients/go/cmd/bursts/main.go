// bursts makes idle-burst-idle traffic: consumers wait in long polls, and every burst of records must be acknowledged
// and delivered within a limit. A broker that loses a wake-up shows as a stall, and the program fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	bootstrap  = flag.String("bootstrap", "127.0.0.1:9092", "broker address")
	topic      = flag.String("topic", "bursts", "topic; made when it does not exist")
	partitions = flag.Int("partitions", 16, "partitions of the topic")
	consumers  = flag.Int("consumers", 4, "consumers, each with its share of the partitions")
	count      = flag.Int("bursts", 1000, "number of bursts")
	seconds    = flag.Float64("seconds", 1e9, "end after this time")
	maxGap     = flag.Duration("max-gap", time.Second, "longest idle time between bursts; most are far shorter")
	limit      = flag.Duration("limit", 5*time.Second, "time a burst may take")
	seed       = flag.Int64("seed", 1, "seed of sizes and gaps")
)

// Per partition: the highest offset that was acknowledged, and that a consumer has seen; for the message about a stall.
var ackedTo, seenTo []atomic.Int64

func main() {
	flag.Parse()
	ackedTo, seenTo = make([]atomic.Int64, *partitions), make([]atomic.Int64, *partitions)
	random := rand.New(rand.NewSource(*seed))
	createTopic()
	var received atomic.Int64
	startConsumers(&received)
	producer := newClient(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(*topic), kgo.ProducerLinger(0))
	began := time.Now()
	var sent int64
	var slowest, sum time.Duration
	done := 0
	for ; done < *count && time.Since(began).Seconds() < *seconds; done++ {
		if random.Intn(20) == 0 {
			producer.Close()
			producer = newClient(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(*topic), kgo.ProducerLinger(0))
		}
		size := int(math.Exp(random.Float64() * math.Log(400)))
		sent += int64(size)
		took := burst(producer, random, size, &received, sent, done)
		slowest = max(slowest, took)
		sum += took
		time.Sleep(time.Duration(math.Exp(random.Float64()*math.Log(float64(*maxGap/time.Microsecond)))) * time.Microsecond)
	}
	fmt.Printf("%d bursts, %d records, from send to delivery: mean %v, slowest %v\n", done, sent,
		(sum / time.Duration(max(done, 1))).Round(time.Microsecond), slowest.Round(time.Microsecond))
}

// burst sends records and waits until the broker has acknowledged, and the consumers have seen, every one.
func burst(producer *kgo.Client, random *rand.Rand, size int, received *atomic.Int64, expected int64, number int) time.Duration {
	began := time.Now()
	limited, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	var acked atomic.Int64
	failures := make(chan error, size)
	for range size {
		record := &kgo.Record{Partition: random.Int31n(int32(*partitions)), Value: make([]byte, 20+random.Intn(500))}
		producer.Produce(limited, record, func(record *kgo.Record, err error) {
			if err != nil {
				failures <- err
				return
			}
			ackedTo[record.Partition].Store(record.Offset)
			acked.Add(1)
		})
	}
	for acked.Load() < int64(size) || received.Load() < expected {
		select {
		case err := <-failures:
			fail("burst %d of %d records: %v; %d acknowledged, %d of %d delivered in all", number, size, err, acked.Load(), received.Load(), expected)
		case <-limited.Done():
			fail("burst %d stalled for %v: %d of %d acknowledged, %d of %d delivered in all%s", number, *limit, acked.Load(), size,
				received.Load(), expected, missing())
		case <-time.After(100 * time.Microsecond):
		}
	}
	return time.Since(began)
}

// missing names the partitions whose consumer has not seen what was acknowledged.
func missing() string {
	text := ""
	for partition := range ackedTo {
		if acked, seen := ackedTo[partition].Load(), seenTo[partition].Load(); acked > seen {
			text += fmt.Sprintf("; partition %d: acknowledged offset %d, seen %d", partition, acked, seen)
		}
	}
	return text
}

func createTopic() {
	client := newClient()
	defer client.Close()
	limited, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	if _, err := kadm.NewClient(client).CreateTopic(limited, int32(*partitions), 1, nil, *topic); err != nil && err != kerr.TopicAlreadyExists {
		fail("create %s: %v", *topic, err)
	}
}

// startConsumers reads from the ends as they are now; their long polls are longer than the limit.
func startConsumers(received *atomic.Int64) {
	admin := newClient()
	defer admin.Close()
	limited, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	ends, err := kadm.NewClient(admin).ListEndOffsets(limited, *topic)
	for err == nil && ends.Error() != nil && limited.Err() == nil {
		time.Sleep(20 * time.Millisecond)
		ends, err = kadm.NewClient(admin).ListEndOffsets(limited, *topic)
	}
	if err != nil || ends.Error() != nil {
		fail("end offsets: %v %v", err, ends.Error())
	}
	for i := range *consumers {
		mine := map[int32]kgo.Offset{}
		ends.Each(func(end kadm.ListedOffset) {
			if int(end.Partition)%*consumers == i {
				mine[end.Partition] = kgo.NewOffset().At(end.Offset)
			}
		})
		client := newClient(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{*topic: mine}), kgo.FetchMaxWait(4**limit))
		go func() {
			for {
				fetches := client.PollFetches(context.Background())
				fetches.EachRecord(func(record *kgo.Record) { seenTo[record.Partition].Store(record.Offset) })
				received.Add(int64(fetches.NumRecords()))
			}
		}()
	}
}

func newClient(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(*bootstrap), kgo.MetadataMinAge(50*time.Millisecond))...)
	if err != nil {
		fail("%v", err)
	}
	return client
}

func fail(format string, arguments ...any) {
	fmt.Printf("bursts: "+format+"\n", arguments...)
	os.Exit(1)
}
