// Package transactions is what every Go client does as a transactional producer: a group's records are taken one by one, each is answered
// by records of a topic and its offset in one transaction, and every third transaction is aborted.
package transactions

import (
	"fmt"
	"math/rand"
	"slices"

	"millrace/clients/checks"
	"millrace/clients/roundtrip"
)

const rounds = 10

// A Chain is what a transactional client works on.
type Chain struct {
	ID, Group, Source, Topic string // partition 0 of both topics
	Values                   [][]string
}

// IsCommitted tells how the transaction of that number ends.
func (c Chain) IsCommitted(number int) bool { return number%3 != 2 }

// A Client is one library under test.
type Client interface {
	roundtrip.Client
	// Transact makes one transaction for each of the arrays of values: it writes them, and for the group the offset behind one record more
	// of the source than was committed before.
	Transact(chain Chain) error
	Committed(group, topic string, partition int32) (int64, error)
	// ReadCommitted returns the first values of partition 0.
	ReadCommitted(topic string, count int) ([]string, error)
}

// Run makes all checks and ends the process when one fails.
func Run(name string, client Client) {
	unique := fmt.Sprintf("%s-transactions-%08x", name, rand.Uint32())
	chain := Chain{ID: unique + "-id", Group: unique + "-group", Source: unique + "-source", Topic: unique}
	var committed []string
	offset := int64(0)
	for number := range rounds {
		values := []string{fmt.Sprintf("%d-0", number), fmt.Sprintf("%d-1", number)}
		chain.Values = append(chain.Values, values)
		if chain.IsCommitted(number) {
			committed = append(committed, values...)
			offset++
		}
	}
	checks.Run(name+"-transactions", []checks.Step{
		{What: "ten transactions, every third aborted", Do: func() error { return transact(client, chain) }},
		{What: "the offset of the last committed one is committed", Do: func() error {
			return checks.Until(offset, func() (int64, error) { return client.Committed(chain.Group, chain.Source, 0) })
		}},
		{What: "only what was committed is read", Do: func() error {
			read, err := client.ReadCommitted(chain.Topic, len(committed))
			if err == nil && !slices.Equal(read, committed) {
				err = fmt.Errorf("%v instead of %v", read, committed)
			}
			return err
		}},
	})
}

func transact(client Client, chain Chain) error {
	for _, topic := range []string{chain.Source, chain.Topic} {
		if err := client.Create(topic, 1); err != nil {
			return err
		}
	}
	source := make([]roundtrip.Record, rounds)
	for i := range source {
		source[i] = roundtrip.Record{Offset: int64(i), Value: []byte("source")}
	}
	if err := client.Produce(chain.Source, "none", source); err != nil {
		return err
	}
	return client.Transact(chain)
}
