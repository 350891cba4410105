// sarama is IBM/sarama under test: `sarama BOOTSTRAP [groups|transactions|admin]`.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"

	"millrace/clients/checks"
	"millrace/clients/roundtrip"
	"millrace/clients/scenario"
)

type client struct{ brokers []string }

func main() {
	scenario.Main("sarama", client{[]string{os.Args[1]}}, []string{"none", "gzip", "snappy", "lz4", "zstd"})
}

func config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Consumer.Return.Errors = true
	return config
}

func (c client) Create(topic string, partitions int32) error {
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}
	return c.admin(func(admin sarama.ClusterAdmin) error { return admin.CreateTopic(topic, detail, false) })
}

func (c client) Produce(topic, codec string, records []roundtrip.Record) error {
	config := config()
	config.Producer.Compression = map[string]sarama.CompressionCodec{"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
		"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}[codec]
	producer, err := sarama.NewSyncProducer(c.brokers, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	var messages []*sarama.ProducerMessage
	for _, r := range records {
		message := &sarama.ProducerMessage{Topic: topic, Partition: r.Partition, Timestamp: time.UnixMilli(r.Time)}
		if r.Key != nil {
			message.Key = sarama.ByteEncoder(r.Key)
		}
		if r.Value != nil {
			message.Value = sarama.ByteEncoder(r.Value)
		}
		for _, header := range r.Headers {
			message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(header.Name), Value: header.Value})
		}
		messages = append(messages, message)
	}
	if err := producer.SendMessages(messages); err != nil {
		return err
	}
	for i, message := range messages {
		if message.Offset != records[i].Offset {
			return fmt.Errorf("acknowledged at offset %d instead of %d", message.Offset, records[i].Offset)
		}
	}
	return nil
}

func (c client) Read(topic string, starts map[int32]int64, count int) ([]roundtrip.Record, error) {
	return c.read(config(), topic, starts, count)
}

func (c client) read(config *sarama.Config, topic string, starts map[int32]int64, count int) ([]roundtrip.Record, error) {
	consumer, err := sarama.NewConsumer(c.brokers, config)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	messages := make(chan *sarama.ConsumerMessage)
	failures := make(chan error)
	done := make(chan struct{})
	defer close(done)
	for partition, offset := range starts {
		assigned, err := consumer.ConsumePartition(topic, partition, offset)
		if err != nil {
			return nil, err
		}
		defer assigned.AsyncClose()
		go forward(assigned, messages, failures, done)
	}
	var read []roundtrip.Record
	late := time.After(checks.Patience)
	for len(read) < count {
		select {
		case message := <-messages:
			record := roundtrip.Record{Partition: message.Partition, Offset: message.Offset, Key: message.Key, Value: message.Value,
				Time: message.Timestamp.UnixMilli()}
			for _, header := range message.Headers {
				record.Headers = append(record.Headers, roundtrip.Header{Name: string(header.Key), Value: header.Value})
			}
			read = append(read, record)
		case err := <-failures:
			return nil, err
		case <-late:
			return nil, fmt.Errorf("%d of %d records came in %v", len(read), count, checks.Patience)
		}
	}
	return read, nil
}

func forward(from sarama.PartitionConsumer, messages chan<- *sarama.ConsumerMessage, failures chan<- error, done <-chan struct{}) {
	for {
		select {
		case message, open := <-from.Messages():
			if !open {
				return
			}
			select {
			case messages <- message:
			case <-done:
				return
			}
		case err := <-from.Errors():
			select {
			case failures <- err:
			case <-done:
			}
			return
		case <-done:
			return
		}
	}
}

func (c client) OffsetAt(topic string, partition int32, milliseconds int64) (int64, error) {
	client, err := sarama.NewClient(c.brokers, config())
	if err != nil {
		return 0, err
	}
	defer client.Close()
	return client.GetOffset(topic, partition, milliseconds)
}
