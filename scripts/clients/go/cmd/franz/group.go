package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/clients/checks"
	"millrace/clients/groups"
)

type member struct {
	client *kgo.Client
	topic  string
	lock   sync.Mutex
	has    []int32
}

func (f franz) Join(group, topic string) (groups.Member, error) {
	m := &member{topic: topic}
	gained := func(_ context.Context, _ *kgo.Client, assigned map[string][]int32) {
		m.lock.Lock()
		defer m.lock.Unlock()
		m.has = append(m.has, assigned[topic]...)
	}
	lost := func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
		m.lock.Lock()
		defer m.lock.Unlock()
		m.has = slices.DeleteFunc(m.has, func(p int32) bool { return slices.Contains(gone[topic], p) })
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(f.bootstrap), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(300*time.Millisecond), kgo.SessionTimeout(10*time.Second),
		kgo.OnPartitionsAssigned(gained), kgo.OnPartitionsRevoked(lost), kgo.OnPartitionsLost(lost))
	m.client = client
	return m, err
}

func (m *member) Poll() (read []groups.Position, err error) {
	limited, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	fetches := m.client.PollFetches(limited)
	if err := fetches.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	fetches.EachRecord(func(r *kgo.Record) { read = append(read, groups.Position{Partition: r.Partition, Offset: r.Offset}) })
	return read, nil
}

func (m *member) Assignment() []int32 {
	m.lock.Lock()
	defer m.lock.Unlock()
	return slices.Clone(m.has)
}

func (m *member) Commit() error {
	limited, cancel := context.WithTimeout(context.Background(), checks.Patience)
	defer cancel()
	return m.client.CommitUncommittedOffsets(limited)
}

func (m *member) Seek(partition int32, offset int64) error {
	m.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{m.topic: {partition: {Epoch: -1, Offset: offset}}})
	return nil
}

func (m *member) Close() error {
	m.client.Close()
	return nil
}

func (f franz) Committed(group, topic string, partition int32) (found int64, err error) {
	err = f.with(func(limited context.Context, client *kgo.Client) error {
		offsets, err := kadm.NewClient(client).FetchOffsets(limited, group)
		if err != nil {
			return err
		}
		offset, _ := offsets.Lookup(topic, partition)
		found = offset.At
		return offset.Err
	})
	return found, err
}
