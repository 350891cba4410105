package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/clients/checks"
	"millrace/clients/transactions"
)

// Transact runs a group session: what it commits is what it has polled, and after an abort the same record comes again.
func (f franz) Transact(chain transactions.Chain) error {
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(f.bootstrap), kgo.TransactionalID(chain.ID), kgo.ConsumerGroup(chain.Group),
		kgo.ConsumeTopics(chain.Source), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets())
	if err != nil {
		return err
	}
	defer session.Close()
	limited, cancel := context.WithTimeout(context.Background(), checks.Patience)
	defer cancel()
	for number, values := range chain.Values {
		fetches := session.PollRecords(limited, 1)
		if err := fetches.Err(); err != nil {
			return err
		}
		if err := session.Begin(); err != nil {
			return err
		}
		for _, value := range values {
			record := &kgo.Record{Topic: chain.Topic, Value: []byte(value)}
			if err := session.ProduceSync(limited, record).FirstErr(); err != nil {
				return err
			}
		}
		wanted := chain.IsCommitted(number)
		committed, err := session.End(limited, kgo.TransactionEndTry(wanted))
		if err != nil {
			return err
		}
		if committed != wanted {
			return fmt.Errorf("transaction %d: committed is %t", number, committed)
		}
	}
	return nil
}

func (f franz) ReadCommitted(topic string, count int) (values []string, err error) {
	start := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(0)}}
	err = f.with(func(limited context.Context, client *kgo.Client) error {
		for len(values) < count {
			fetches := client.PollFetches(limited)
			if err := fetches.Err(); err != nil {
				return err
			}
			fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
		}
		return nil
	}, kgo.ConsumePartitions(start), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	return values, err
}
