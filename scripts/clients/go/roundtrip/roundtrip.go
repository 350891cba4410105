// Package roundtrip is what every Go client does: create, produce, read back, and compare every byte.
package roundtrip

import (
	"bytes"
	"fmt"
	"math/rand"
	"slices"
	"time"

	"millrace/clients/checks"
)

// Size of the test.
const (
	Partitions = 3
	Count      = 60
	big        = 900_000
)

// A Header is one header of a record.
type Header struct {
	Name  string
	Value []byte
}

// A Record as it was sent, or as it was read.
type Record struct {
	Partition int32
	Offset    int64
	Key       []byte
	Value     []byte
	Headers   []Header
	Time      int64 // milliseconds
}

// A Client is one library under test.
type Client interface {
	Create(topic string, partitions int32) error
	Produce(topic, codec string, records []Record) error
	// Read assigns the partitions at these offsets and returns the next count records.
	Read(topic string, starts map[int32]int64, count int) ([]Record, error)
	// OffsetAt returns the first offset with this time or a later one, -1 when there is none.
	OffsetAt(topic string, partition int32, milliseconds int64) (int64, error)
}

// Records makes keys and no keys, null values, repeated and empty headers, one record of 900 KB, a second between neighbours.
func Records() []Record {
	random := rand.New(rand.NewSource(7))
	began := time.Now().UnixMilli() - 3_600_000
	choices := [][]Header{nil, {{"one", []byte("header")}}, {{"twice", []byte("a")}, {"empty", []byte{}}, {"twice", []byte{0xff, 0}}}}
	records := make([]Record, Count)
	for i := range records {
		r := Record{Partition: int32(i % Partitions), Offset: int64(i / Partitions), Time: began + int64(i)*1000, Headers: choices[i%4%3]}
		if i%5 != 4 {
			r.Key = fmt.Appendf(nil, "key %d", i)
		}
		if i%7 != 6 || i%5 == 4 {
			r.Value = bytes.Repeat(fmt.Appendf(nil, "value %d ", i), i+1)
		}
		if i == 10 {
			r.Value = make([]byte, big)
			_, _ = random.Read(r.Value)
		}
		records[i] = r
	}
	return records
}

// Run makes all checks for every codec and ends the process when one fails.
func Run(name string, client Client, codecs []string) {
	var steps []checks.Step
	for _, codec := range codecs {
		topic := fmt.Sprintf("%s-%s-%08x", name, codec, rand.Uint32())
		records := Records()
		step := func(what string, do func() error) {
			steps = append(steps, checks.Step{What: codec + ": " + what, Do: do})
		}
		step(fmt.Sprintf("create a topic with %d partitions", Partitions), func() error { return client.Create(topic, Partitions) })
		step(fmt.Sprintf("produce %d records", Count), func() error { return client.Produce(topic, codec, records) })
		step("read by assignment from the beginning", func() error { return compare(client, topic, records, map[int32]int64{0: 0, 1: 0, 2: 0}) })
		step("read from an offset", func() error { return compare(client, topic, records, map[int32]int64{1: 12}) })
		step("read from a timestamp", func() error { return fromTimestamp(client, topic, records) })
	}
	checks.Run(name, steps)
}

func fromTimestamp(client Client, topic string, records []Record) error {
	seventh := records[7*Partitions+2].Time
	last := records[Count-1].Time
	for when, expected := range map[int64]int64{seventh - 500: 7, seventh: 7, last + 1: -1} {
		found, err := client.OffsetAt(topic, 2, when)
		if err != nil {
			return err
		}
		if found != expected {
			return fmt.Errorf("time %d leads to offset %d instead of %d", when, found, expected)
		}
	}
	return compare(client, topic, records, map[int32]int64{2: 7})
}

// compare reads what is at or behind the starts, and checks every byte and the order within each partition.
func compare(client Client, topic string, records []Record, starts map[int32]int64) error {
	var expected []Record
	for _, record := range records {
		if start, wanted := starts[record.Partition]; wanted && record.Offset >= start {
			expected = append(expected, record)
		}
	}
	read, err := client.Read(topic, starts, len(expected))
	if err != nil {
		return err
	}
	// Stable: the order in which a partition's records came is kept and compared.
	byPartition := func(a, b Record) int { return int(a.Partition - b.Partition) }
	slices.SortStableFunc(expected, byPartition)
	slices.SortStableFunc(read, byPartition)
	if len(read) != len(expected) {
		return fmt.Errorf("%d records instead of %d", len(read), len(expected))
	}
	for i := range read {
		if difference := differ(expected[i], read[i]); difference != "" {
			return fmt.Errorf("partition %d offset %d: %s", expected[i].Partition, expected[i].Offset, difference)
		}
	}
	return nil
}

func differ(a, b Record) string {
	sameBytes := func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
	sameHeader := func(a, b Header) bool { return a.Name == b.Name && bytes.Equal(a.Value, b.Value) }
	switch {
	case a.Partition != b.Partition || a.Offset != b.Offset:
		return fmt.Sprintf("read partition %d offset %d", b.Partition, b.Offset)
	case a.Time != b.Time:
		return fmt.Sprintf("time %d instead of %d", b.Time, a.Time)
	case !sameBytes(a.Key, b.Key):
		return fmt.Sprintf("key %q instead of %q", b.Key, a.Key)
	case !sameBytes(a.Value, b.Value):
		return fmt.Sprintf("value of %d bytes (null: %t) differs from the %d (null: %t) sent", len(b.Value), b.Value == nil, len(a.Value), a.Value == nil)
	case !slices.EqualFunc(a.Headers, b.Headers, sameHeader):
		return fmt.Sprintf("headers %v instead of %v", b.Headers, a.Headers)
	}
	return ""
}
