package main

import (
	"github.com/IBM/sarama"

	"millrace/clients/transactions"
)

func (c client) Transact(chain transactions.Chain) error {
	config := config()
	config.Producer.Transaction.ID = chain.ID
	producer, err := sarama.NewSyncProducer(c.brokers, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	next := int64(1)
	for number, values := range chain.Values {
		if err := transact(producer, chain, values, next); err != nil {
			return err
		}
		if !chain.IsCommitted(number) {
			if err := producer.AbortTxn(); err != nil {
				return err
			}
			continue
		}
		if err := producer.CommitTxn(); err != nil {
			return err
		}
		next++
	}
	return nil
}

// transact begins a transaction and sends all that belongs to it.
func transact(producer sarama.SyncProducer, chain transactions.Chain, values []string, offset int64) error {
	if err := producer.BeginTxn(); err != nil {
		return err
	}
	for _, value := range values {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: chain.Topic, Value: sarama.StringEncoder(value)}); err != nil {
			return err
		}
	}
	offsets := map[string][]*sarama.PartitionOffsetMetadata{chain.Source: {{Partition: 0, Offset: offset}}}
	return producer.AddOffsetsToTxn(offsets, chain.Group)
}

func (c client) ReadCommitted(topic string, count int) (values []string, err error) {
	config := config()
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	read, err := c.read(config, topic, map[int32]int64{0: 0}, count)
	for _, record := range read {
		values = append(values, string(record.Value))
	}
	return values, err
}
