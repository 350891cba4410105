// offsets commits an offset of every partition for many groups, and verifies them: `offsets -bootstrap HOST:PORT [-verify]`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const topic = "offsets"

var (
	bootstrap  = flag.String("bootstrap", "127.0.0.1:9092", "a broker")
	groups     = flag.Int("groups", 1000, "groups")
	partitions = flag.Int("partitions", 1000, "partitions, and offsets of each group")
	workers    = flag.Int("workers", 8, "requests at a time")
	verify     = flag.Bool("verify", false, "verify instead of committing")
)

func main() {
	flag.Parse()
	began := time.Now()
	client, err := kgo.NewClient(kgo.SeedBrokers(*bootstrap), kgo.RetryTimeout(30*time.Second))
	check(err)
	admin := kadm.NewClient(client)
	if !*verify {
		_, err := admin.CreateTopic(context.Background(), int32(*partitions), 1, nil, topic)
		check(err)
	}
	work := make(chan int)
	var all sync.WaitGroup
	for range *workers {
		all.Go(func() {
			for group := range work {
				if *verify {
					check(verifyGroup(admin, group))
				} else {
					check(commitGroup(admin, group))
				}
			}
		})
	}
	for group := range *groups {
		work <- group
	}
	close(work)
	all.Wait()
	fmt.Printf("ok   offsets: %d groups with %d offsets each in %.2f s\n", *groups, *partitions, time.Since(began).Seconds())
}

func commitGroup(admin *kadm.Client, group int) error {
	offsets := kadm.Offsets{}
	for partition := range *partitions {
		offsets.Add(kadm.Offset{Topic: topic, Partition: int32(partition), At: at(group, partition), LeaderEpoch: -1})
	}
	committed, err := admin.CommitOffsets(context.Background(), name(group), offsets)
	if err != nil {
		return err
	}
	return committed.Error()
}

func verifyGroup(admin *kadm.Client, group int) error {
	found, err := admin.FetchOffsets(context.Background(), name(group))
	if err != nil {
		return err
	}
	for partition := range *partitions {
		offset, _ := found.Lookup(topic, int32(partition))
		if offset.Err != nil || offset.At != at(group, partition) {
			return fmt.Errorf("group %d partition %d: %d instead of %d (%v)", group, partition, offset.At, at(group, partition), offset.Err)
		}
	}
	return nil
}

func name(group int) string { return fmt.Sprintf("group-%d", group) }

func at(group, partition int) int64 { return int64(group)*1_000_003 + int64(partition) }

func check(err error) {
	if err != nil {
		fmt.Printf("FAIL offsets: %v\n", err)
		os.Exit(1)
	}
}
