// verify reads a whole topic (the client checks every batch's CRC) and compares it with the history files.
// It prints a report as JSON and fails when there is a finding.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/clients/history"
)

var (
	bootstrap = flag.String("bootstrap", "127.0.0.1:9092", "broker address")
	topic     = flag.String("topic", "history", "topic to read")
	stall     = flag.Duration("stall", 20*time.Second, "no record for so long is a failure")
)

func main() {
	flag.Parse()
	claims, err := history.ReadFiles(flag.Args())
	if err != nil {
		fail("%v", err)
	}
	checker := history.NewChecker(claims)
	ends, err := endOffsets()
	if err == nil {
		err = readAll(checker, ends)
	}
	if err == nil {
		err = probeEnds(ends)
	}
	if err != nil {
		fail("%v", err)
	}
	report := checker.Finish()
	text, _ := json.Marshal(report)
	fmt.Println(string(text))
	if len(report.Findings) > 0 {
		os.Exit(1)
	}
}

func readAll(checker *history.Checker, ends map[int32]int64) error {
	assignment := map[int32]kgo.Offset{}
	for partition, end := range ends {
		if end > 0 {
			assignment[partition] = kgo.NewOffset().At(0)
		}
	}
	if len(assignment) == 0 {
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(*bootstrap), kgo.FetchMaxBytes(8<<20), kgo.FetchMaxPartitionBytes(1<<20),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{*topic: assignment}))
	if err != nil {
		return err
	}
	defer client.Close()
	for len(assignment) > 0 {
		waited, cancel := context.WithTimeout(context.Background(), *stall)
		fetches := client.PollFetches(waited)
		cancel()
		for _, failure := range fetches.Errors() {
			if errors.Is(failure.Err, context.DeadlineExceeded) {
				return fmt.Errorf("nothing came for %v; %d partitions are not at their end", *stall, len(assignment))
			}
			return fmt.Errorf("partition %d: %w", failure.Partition, failure.Err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			if record.Offset < ends[record.Partition] {
				checker.Record(record.Partition, record.Offset, record.Value)
			}
			if record.Offset+1 >= ends[record.Partition] {
				delete(assignment, record.Partition)
			}
		})
	}
	return nil
}

func endOffsets() (map[int32]int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(*bootstrap))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	waited, cancel := context.WithTimeout(context.Background(), *stall)
	defer cancel()
	listed, err := kadm.NewClient(client).ListEndOffsets(waited, *topic)
	if err == nil {
		err = listed.Error()
	}
	ends := map[int32]int64{}
	listed.Each(func(offset kadm.ListedOffset) { ends[offset.Partition] = offset.Offset })
	return ends, err
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "verify: "+format+"\n", arguments...)
	os.Exit(2)
}
