// franz is franz-go under test: `franz BOOTSTRAP [groups|transactions|admin]`.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/clients/checks"
	"millrace/clients/roundtrip"
	"millrace/clients/scenario"
)

type franz struct{ bootstrap string }

func main() {
	scenario.Main("franz-go", franz{os.Args[1]}, []string{"none", "gzip", "snappy", "lz4", "zstd"})
}

func (f franz) with(run func(context.Context, *kgo.Client) error, options ...kgo.Opt) error {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(f.bootstrap))...)
	if err != nil {
		return err
	}
	defer client.Close()
	limited, cancel := context.WithTimeout(context.Background(), checks.Patience)
	defer cancel()
	return run(limited, client)
}

func (f franz) Create(topic string, partitions int32) error {
	return f.with(func(limited context.Context, client *kgo.Client) error {
		_, err := kadm.NewClient(client).CreateTopic(limited, partitions, 1, nil, topic)
		return err
	})
}

func (f franz) Produce(topic, codec string, records []roundtrip.Record) error {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	return f.with(func(limited context.Context, client *kgo.Client) error {
		var all []*kgo.Record
		for _, r := range records {
			record := &kgo.Record{Topic: topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Timestamp: time.UnixMilli(r.Time)}
			for _, header := range r.Headers {
				record.Headers = append(record.Headers, kgo.RecordHeader{Key: header.Name, Value: header.Value})
			}
			all = append(all, record)
		}
		if err := client.ProduceSync(limited, all...).FirstErr(); err != nil {
			return err
		}
		for i, record := range all {
			if record.Offset != records[i].Offset {
				return fmt.Errorf("acknowledged at offset %d instead of %d", record.Offset, records[i].Offset)
			}
		}
		return nil
	}, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codecs[codec]))
}

func (f franz) Read(topic string, starts map[int32]int64, count int) (read []roundtrip.Record, err error) {
	offsets := map[int32]kgo.Offset{}
	for partition, offset := range starts {
		offsets[partition] = kgo.NewOffset().At(offset)
	}
	err = f.with(func(limited context.Context, client *kgo.Client) error {
		for len(read) < count {
			fetches := client.PollFetches(limited)
			if err := fetches.Err(); err != nil {
				return err
			}
			fetches.EachRecord(func(r *kgo.Record) {
				record := roundtrip.Record{Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Time: r.Timestamp.UnixMilli()}
				for _, header := range r.Headers {
					record.Headers = append(record.Headers, roundtrip.Header{Name: header.Key, Value: header.Value})
				}
				read = append(read, record)
			})
		}
		return nil
	}, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}))
	return read, err
}

func (f franz) OffsetAt(topic string, partition int32, milliseconds int64) (found int64, err error) {
	err = f.with(func(limited context.Context, client *kgo.Client) error {
		listed, err := kadm.NewClient(client).ListOffsetsAfterMilli(limited, milliseconds, topic)
		if err != nil {
			return err
		}
		offset, _ := listed.Lookup(topic, partition)
		// For a time behind the last record this library asks once more, for the end of the partition.
		found = offset.Offset
		if offset.Timestamp < 0 {
			found = -1
		}
		return offset.Err
	})
	return found, err
}
