package main

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// probed is how many of a partition's last offsets are asked for one by one: where the log goes from file to memory
// lies among them, and reading from the beginning steps over it.
const probed = 30

// lastOffsetDelta is its place in a batch.
const lastOffsetDelta = 23

// probeEnds fetches at each of the last offsets of every partition; the answer must begin with the batch that holds it.
func probeEnds(ends map[int32]int64) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(*bootstrap))
	if err != nil {
		return err
	}
	defer client.Close()
	limited, cancel := context.WithTimeout(context.Background(), 4**stall)
	defer cancel()
	id, err := topicID(limited, client)
	if err != nil {
		return err
	}
	for partition, end := range ends {
		for offset := max(0, end-probed); offset < end; offset++ {
			if err := probe(limited, client, id, partition, offset); err != nil {
				return fmt.Errorf("fetch of partition %d at offset %d (end %d): %w", partition, offset, end, err)
			}
		}
	}
	return nil
}

func probe(limited context.Context, client *kgo.Client, id [16]byte, partition int32, offset int64) error {
	wanted := kmsg.NewFetchRequestTopicPartition()
	wanted.Partition = partition
	wanted.FetchOffset = offset
	wanted.PartitionMaxBytes = 1 // the first batch comes whole all the same
	inTopic := kmsg.NewFetchRequestTopic()
	inTopic.Topic, inTopic.TopicID, inTopic.Partitions = *topic, id, append(inTopic.Partitions, wanted)
	request := kmsg.NewPtrFetchRequest()
	request.ReplicaID, request.MaxBytes, request.SessionEpoch = -1, 1, -1
	request.Topics = append(request.Topics, inTopic)
	response, err := request.RequestWith(limited, client)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return err
	}
	answer := response.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return err
	}
	batch := answer.RecordBatches
	if len(batch) < lastOffsetDelta+4 {
		return fmt.Errorf("%d bytes where a batch was expected", len(batch))
	}
	first := int64(binary.BigEndian.Uint64(batch))
	last := first + int64(binary.BigEndian.Uint32(batch[lastOffsetDelta:]))
	if offset < first || offset > last {
		return fmt.Errorf("the answer begins with the batch of offsets %d to %d", first, last)
	}
	return nil
}

func topicID(limited context.Context, client *kgo.Client) ([16]byte, error) {
	request := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = topic
	request.Topics = append(request.Topics, asked)
	response, err := request.RequestWith(limited, client)
	if err != nil {
		return [16]byte{}, err
	}
	return response.Topics[0].TopicID, kerr.ErrorForCode(response.Topics[0].ErrorCode)
}
