// load runs several producers against one topic and writes a history of what they attempted and what the broker
// acknowledged. SIGTERM ends the sending; it then waits for what is under way, and fails when that does not arrive.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/clients/history"
)

var (
	bootstrap  = flag.String("bootstrap", "127.0.0.1:9092", "broker address")
	topic      = flag.String("topic", "history", "topic; made when it does not exist")
	partitions = flag.Int("partitions", 50, "partitions of the topic")
	idempotent = flag.Int("idempotent", 3, "idempotent producers")
	plain      = flag.Int("plain", 2, "producers without idempotence, one request in flight")
	firstID    = flag.Int("first-id", 1, "number of the first producer; no two loads of a topic may share numbers")
	rate       = flag.Int("rate", 5000, "records a second of all producers together")
	seed       = flag.Int64("seed", 1, "seed of the choice of partitions and pauses")
	file       = flag.String("history", "history.txt", "file to write")
	seconds    = flag.Float64("seconds", 1e9, "end by itself after this time")
	compacted  = flag.Bool("compacted", false, "a compacted topic: each record has a key of its own, so that compaction moves all and drops none")
	flush      = flag.Duration("flush", 60*time.Second, "how long records under way may take at the end")
)

// Attempts are claimed in blocks, so that the claim costs no write per record.
const block = 64

type journal struct {
	mutex sync.Mutex
	out   *bufio.Writer
}

// write appends lines; with now set they are in the file before it returns.
func (j *journal) write(line string, now bool) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	_, err := j.out.WriteString(line + "\n")
	if err == nil && now {
		err = j.out.Flush()
	}
	if err != nil {
		fail("history: %v", err)
	}
}

func (j *journal) flushEvery(pause time.Duration) {
	for range time.Tick(pause) {
		j.flush()
	}
}

func (j *journal) flush() {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if err := j.out.Flush(); err != nil {
		fail("history: %v", err)
	}
}

func main() {
	flag.Parse()
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	stop, cancel = context.WithTimeout(stop, time.Duration(*seconds*float64(time.Second)))
	defer cancel()
	out, err := os.Create(*file)
	if err != nil {
		fail("%v", err)
	}
	journal := &journal{out: bufio.NewWriterSize(out, 1<<16)}
	go journal.flushEvery(5 * time.Millisecond)
	createTopic(stop)

	var acked, unfinished atomic.Int64
	var all sync.WaitGroup
	count := *idempotent + *plain
	for i := range count {
		all.Add(1)
		go func() {
			defer all.Done()
			p := producer{id: int32(*firstID + i), idempotent: i < *idempotent, journal: journal, next: make([]int64, *partitions)}
			unfinished.Add(p.run(stop, float64(*rate)/float64(count)))
			acked.Add(p.acked.Load())
		}()
	}
	all.Wait()
	journal.flush()
	fmt.Printf("{\"acked\": %d, \"unfinished\": %d}\n", acked.Load(), unfinished.Load())
	if unfinished.Load() > 0 {
		os.Exit(1)
	}
}

func createTopic(stop context.Context) {
	client, err := kgo.NewClient(kgo.SeedBrokers(*bootstrap), kgo.AlwaysRetryEOF())
	if err != nil {
		fail("%v", err)
	}
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopic(stop, int32(*partitions), 1, topicConfig(), *topic)
	if err != nil && err != kerr.TopicAlreadyExists && stop.Err() == nil {
		fail("create %s: %v", *topic, err)
	}
}

// topicConfig keeps every record: what the broker may do with them is to roll segments and, when compacted, to rewrite them.
func topicConfig() map[string]*string {
	config := map[string]string{"segment.bytes": "1048576", "retention.ms": "-1"}
	if *compacted {
		config["cleanup.policy"] = "compact"
		config["max.compaction.lag.ms"] = "300"
		config["min.cleanable.dirty.ratio"] = "0.01"
	}
	given := make(map[string]*string)
	for name, value := range config {
		given[name] = &value
	}
	return given
}

type producer struct {
	id         int32
	idempotent bool
	journal    *journal
	next       []int64 // per partition
	acked      atomic.Int64
}

// run sends until the context ends and returns the number of records whose fate is still open after that.
func (p *producer) run(stop context.Context, rate float64) int64 {
	options := []kgo.Opt{
		kgo.SeedBrokers(*bootstrap), kgo.DefaultProduceTopic(*topic), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(2000), kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(compression(p.id)), kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.AlwaysRetryEOF(), // a connection that is cut in its first exchange is a crash here, not a TLS listener
	}
	mode := "idempotent"
	if !p.idempotent {
		mode = "plain"
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		fail("%v", err)
	}
	p.journal.write(fmt.Sprintf("P %d %s", p.id, mode), true)
	random := rand.New(rand.NewSource(*seed*1000 + int64(p.id)))
	for stop.Err() == nil {
		burst := 1 + random.Intn(40)
		partition := random.Int31n(int32(*partitions))
		for range burst {
			p.send(client, partition)
		}
		pause := float64(burst) / rate * 2 * random.Float64()
		select {
		case <-stop.Done():
		case <-time.After(time.Duration(pause * float64(time.Second))):
		}
	}
	ended, cancel := context.WithTimeout(context.Background(), *flush)
	defer cancel()
	_ = client.Flush(ended)
	return client.BufferedProduceRecords()
}

func (p *producer) send(client *kgo.Client, partition int32) {
	lane := history.Lane{Producer: p.id, Partition: partition}
	sequence := p.next[partition]
	p.next[partition]++
	if sequence%block == 0 {
		p.journal.write(history.Line("A", lane, sequence+block-1), true)
	}
	record := &kgo.Record{Partition: partition, Value: history.Value(lane, sequence)}
	if *compacted {
		record.Key = record.Value
	}
	client.Produce(context.Background(), record, func(record *kgo.Record, err error) {
		if err != nil {
			p.journal.write(history.Line("F", lane, sequence)+" "+err.Error(), true)
			return
		}
		p.acked.Add(1)
		p.journal.write(history.Line("K", lane, sequence, record.Offset), false)
	})
}

// compression gives every producer its own codec, in turn.
func compression(id int32) kgo.CompressionCodec {
	return []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(), kgo.SnappyCompression(), kgo.GzipCompression(),
	}[id%5]
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "load: "+format+"\n", arguments...)
	os.Exit(2)
}
