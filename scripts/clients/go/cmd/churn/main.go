// churn has members join, leave and die at random in one group while records are produced, and checks that every record is read, that no
// partition has two owners at once, and that every rebalance ends: `churn -bootstrap HOST:PORT -members N -partitions N -seconds N`.
//
// It goes in waves: a few members come, go and die close upon each other, then the group must come to rest.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	bootstrap  = flag.String("bootstrap", "127.0.0.1:9092", "a broker")
	members    = flag.Int("members", 12, "members at most")
	partitions = flag.Int("partitions", 24, "partitions")
	seconds    = flag.Int("seconds", 30, "how long members come and go")
	balancer   = flag.String("balancer", "range", "range or cooperative-sticky of the classic protocol, or server: the consumer protocol")
	settle     = flag.Duration("settle", 60*time.Second, "how long a group may take to come to rest")
)

func main() {
	flag.Parse()
	topic := fmt.Sprintf("churn-%08x", rand.Uint32())
	book := newBook(*partitions)
	admin, err := kgo.NewClient(kgo.SeedBrokers(*bootstrap))
	check(err)
	_, err = kadm.NewClient(admin).CreateTopic(context.Background(), int32(*partitions), 1, nil, topic)
	check(err)
	producing, stopProducing := context.WithCancel(context.Background())
	produced := make(chan struct{})
	go func() {
		defer close(produced)
		produce(producing, topic, book)
	}()
	running, err := churn(topic, book)
	stopProducing()
	<-produced
	if err == nil {
		err = book.rests(len(running))
	}
	leave(running)
	joins, leaves, deaths := book.joins, book.leaves, book.deaths
	if err == nil {
		err = book.verdict()
	}
	if err != nil {
		fmt.Printf("FAIL churn: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("ok   churn %s: %d members at most, %d partitions: %d records, %d read; %d joins, %d leaves, %d deaths, %d assignments; "+
		"%d times at rest, after %.1f s at most\n", *balancer, *members, *partitions, book.total(), book.reads, joins, leaves, deaths,
		book.assignments, book.rested, book.longest.Seconds())
}

// A book knows who owns what, and what was read.
type book struct {
	lock        sync.Mutex
	owner       []*member
	ends        []int64   // acknowledged records by partition
	read        [][]int32 // times that each record was processed
	unread      []int64   // the first record of each partition that nobody has processed
	reads       int
	joins       int
	leaves      int
	deaths      int
	assignments int
	rested      int
	longest     time.Duration
	faults      []string
}

func newBook(partitions int) *book {
	return &book{owner: make([]*member, partitions), ends: make([]int64, partitions), read: make([][]int32, partitions),
		unread: make([]int64, partitions)}
}

func (b *book) fault(format string, arguments ...any) {
	b.faults = append(b.faults, fmt.Sprintf(format, arguments...))
}

func (b *book) total() (sum int64) {
	for _, end := range b.ends {
		sum += end
	}
	return sum
}

// A member is one consumer; dead is closed when it is cut off.
type member struct {
	name   string
	client *kgo.Client
	stop   context.CancelFunc
	done   chan struct{}
	link   *link
}

func churn(topic string, book *book) (running []*member, err error) {
	number := 0
	begin := func() {
		running = append(running, join(fmt.Sprintf("member-%d", number), topic, book))
		number++
	}
	for len(running) < *members {
		begin()
	}
	for end := time.Now().Add(time.Duration(*seconds) * time.Second); time.Now().Before(end); {
		if err := book.rests(len(running)); err != nil {
			return running, err
		}
		fewest := max(2, *members/2)
		for changes := 1 + rand.Intn(max(2, *members/10)); changes > 0 || len(running) < fewest; changes-- {
			if len(running) < fewest || (len(running) < *members && rand.Intn(5) < 3) {
				begin()
			} else {
				at := rand.Intn(len(running))
				leaver := running[at]
				running = append(running[:at], running[at+1:]...)
				if rand.Intn(2) == 0 {
					leaver.die(book)
				} else {
					leaver.leave(book)
				}
			}
			time.Sleep(time.Duration(rand.Intn(750)) * time.Millisecond)
		}
	}
	return running, nil
}

func join(name, topic string, book *book) *member {
	m := &member{name: name, done: make(chan struct{}), link: newLink()}
	strategies := map[string][]kgo.GroupOpt{
		"range":              {kgo.Balancers(kgo.RangeBalancer())},
		"cooperative-sticky": {kgo.Balancers(kgo.CooperativeStickyBalancer())},
		"server":             {kgo.Balancers(kgo.StickyBalancer()), kgo.ServerSideBalancer()},
	}
	options := []kgo.Opt{kgo.SeedBrokers(*bootstrap), kgo.ClientID(name), kgo.ConsumerGroup(topic + "-group"), kgo.ConsumeTopics(topic),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Dialer(m.link.dial),
		kgo.HeartbeatInterval(300 * time.Millisecond), kgo.SessionTimeout(6 * time.Second), kgo.RebalanceTimeout(20 * time.Second),
		kgo.BlockRebalanceOnPoll(), kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, got map[string][]int32) { book.assigned(m, got[topic]) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { book.given(m, gone[topic]) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { book.given(m, gone[topic]) })}
	for _, option := range strategies[*balancer] {
		options = append(options, option)
	}
	client, err := kgo.NewClient(options...)
	check(err)
	running, stop := context.WithCancel(context.Background())
	m.client, m.stop = client, stop
	book.lock.Lock()
	book.joins++
	book.lock.Unlock()
	go m.consume(running, book)
	return m
}

// consume processes what comes and commits it before the partitions can be taken away.
func (m *member) consume(running context.Context, book *book) {
	defer close(m.done)
	for running.Err() == nil {
		limited, cancel := context.WithTimeout(running, time.Second)
		fetches := m.client.PollFetches(limited)
		cancel()
		fetches.EachRecord(func(r *kgo.Record) { book.processed(m, r) })
		if !fetches.Empty() && running.Err() == nil {
			limited, cancel := context.WithTimeout(running, 5*time.Second)
			_ = m.client.CommitUncommittedOffsets(limited) // a failure has the records read again
			cancel()
		}
		m.client.AllowRebalance()
	}
}

func (m *member) leave(book *book) {
	m.stop()
	<-m.done
	m.client.CloseAllowingRebalance()
	book.lock.Lock()
	book.leaves++
	book.lock.Unlock()
}

// die cuts the member off: nothing of it reaches the broker any more.
func (m *member) die(book *book) {
	m.stop()
	m.link.cut()
	<-m.done
	book.lock.Lock()
	book.deaths++
	for partition, owner := range book.owner {
		if owner == m {
			book.owner[partition] = nil
		}
	}
	book.lock.Unlock()
	go m.client.CloseAllowingRebalance()
}

func leave(running []*member) {
	var all sync.WaitGroup
	for _, m := range running {
		all.Go(func() {
			m.stop()
			<-m.done
			m.client.CloseAllowingRebalance()
		})
	}
	all.Wait()
}

func (b *book) assigned(m *member, partitions []int32) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.assignments++
	if m.link.isCut() {
		return
	}
	for _, partition := range partitions {
		if owner := b.owner[partition]; owner != nil && owner != m {
			b.fault("partition %d is assigned to %s while %s has it", partition, m.name, owner.name)
		}
		b.owner[partition] = m
	}
}

func (b *book) given(m *member, partitions []int32) {
	b.lock.Lock()
	defer b.lock.Unlock()
	for _, partition := range partitions {
		if b.owner[partition] == m {
			b.owner[partition] = nil
		}
	}
}

func (b *book) processed(m *member, r *kgo.Record) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if m.link.isCut() {
		return
	}
	if owner := b.owner[r.Partition]; owner != m {
		b.fault("%s processes %d@%d, which is not its own", m.name, r.Partition, r.Offset)
	}
	for int64(len(b.read[r.Partition])) <= r.Offset {
		b.read[r.Partition] = append(b.read[r.Partition], 0)
	}
	b.read[r.Partition][r.Offset]++
	b.reads++
}

func produce(producing context.Context, topic string, book *book) {
	client, err := kgo.NewClient(kgo.SeedBrokers(*bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(topic))
	check(err)
	defer client.Close()
	for number := 0; producing.Err() == nil; number++ {
		partition := int32(number % *partitions)
		record := &kgo.Record{Partition: partition, Value: fmt.Appendf(nil, "%d", number)}
		client.Produce(context.Background(), record, func(r *kgo.Record, err error) {
			check(err)
			book.lock.Lock()
			defer book.lock.Unlock()
			book.ends[partition] = max(book.ends[partition], r.Offset+1)
		})
		time.Sleep(2 * time.Millisecond)
	}
	check(client.Flush(context.Background()))
}

// rests waits until those who are there own everything and have read all that was acknowledged before.
func (b *book) rests(members int) error {
	b.lock.Lock()
	ends := slices.Clone(b.ends)
	b.lock.Unlock()
	begun := time.Now()
	for {
		missing, orphans := b.open(ends)
		if missing == 0 && orphans == 0 {
			break
		}
		if time.Since(begun) > *settle {
			return fmt.Errorf("after %v %d records are not read and %d partitions have no owner, with %d members", *settle, missing, orphans,
				members)
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	b.rested++
	b.longest = max(b.longest, time.Since(begun))
	return nil
}

func (b *book) open(ends []int64) (missing int64, orphans int) {
	b.lock.Lock()
	defer b.lock.Unlock()
	for partition, end := range ends {
		read, first := b.read[partition], b.unread[partition]
		for first < int64(len(read)) && read[first] > 0 {
			first++
		}
		b.unread[partition] = first
		missing += max(0, end-first)
		if b.owner[partition] == nil {
			orphans++
		}
	}
	return missing, orphans
}

func (b *book) verdict() error {
	b.lock.Lock()
	defer b.lock.Unlock()
	if len(b.faults) > 0 {
		return errors.New(fmt.Sprintf("%d faults: %v", len(b.faults), b.faults[:min(5, len(b.faults))]))
	}
	return nil
}

func check(err error) {
	if err != nil {
		fmt.Printf("FAIL churn: %v\n", err)
		os.Exit(1)
	}
}
