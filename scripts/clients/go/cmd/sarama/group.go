package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"millrace/clients/groups"
)

// member runs sarama's session loop; what comes is handed out by Poll and marked only then.
type member struct {
	group    sarama.ConsumerGroup
	cancel   context.CancelFunc
	done     chan struct{}
	messages chan *sarama.ConsumerMessage
	lock     sync.Mutex
	session  sarama.ConsumerGroupSession
	has      []int32
	topic    string
	starts   map[int32]int64 // where the next session begins, if not where the group has committed
}

func (c client) Join(group, topic string) (groups.Member, error) {
	config := config()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = 10 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	joined, err := sarama.NewConsumerGroup(c.brokers, group, config)
	if err != nil {
		return nil, err
	}
	m := &member{group: joined, messages: make(chan *sarama.ConsumerMessage), topic: topic}
	m.begin()
	go func() {
		for range joined.Errors() { // a rebalance in the middle of a request is no failure
		}
	}()
	return m, nil
}

// begin runs sessions until the member is stopped.
func (m *member) begin() {
	running, cancel := context.WithCancel(context.Background())
	m.cancel, m.done = cancel, make(chan struct{})
	go func() {
		defer close(m.done)
		for running.Err() == nil {
			if err := m.group.Consume(running, []string{m.topic}, m); err != nil {
				time.Sleep(100 * time.Millisecond)
			}
		}
	}()
}

func (m *member) stop() {
	m.cancel()
	<-m.done
}

// Setup is called by sarama when a generation begins.
func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.session, m.has = session, session.Claims()[m.topic]
	for partition, offset := range m.starts {
		session.ResetOffset(m.topic, partition, offset, "")
	}
	m.starts = nil
	return nil
}

// Cleanup is called by sarama when a generation ends.
func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.session, m.has = nil, nil
	return nil
}

// ConsumeClaim is called by sarama for each partition of a generation.
func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			select {
			case m.messages <- message:
			case <-session.Context().Done():
				return nil
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

func (m *member) Poll() (read []groups.Position, err error) {
	until := time.After(500 * time.Millisecond)
	for {
		select {
		case message := <-m.messages:
			m.lock.Lock()
			if m.session != nil {
				m.session.MarkMessage(message, "")
			}
			m.lock.Unlock()
			read = append(read, groups.Position{Partition: message.Partition, Offset: message.Offset})
		case <-until:
			return read, nil
		}
	}
}

func (m *member) Assignment() []int32 {
	m.lock.Lock()
	defer m.lock.Unlock()
	return slices.Clone(m.has)
}

func (m *member) Commit() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.session != nil {
		m.session.Commit()
	}
	return nil
}

// Seek is a new session: this library lets a member choose its offsets only when a session begins.
func (m *member) Seek(partition int32, offset int64) error {
	m.stop()
	m.starts = map[int32]int64{partition: offset}
	m.begin()
	return nil
}

func (m *member) Close() error {
	m.stop()
	return m.group.Close()
}

func (c client) Committed(group, topic string, partition int32) (offset int64, err error) {
	err = c.admin(func(admin sarama.ClusterAdmin) error {
		offsets, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {partition}})
		if err == nil {
			offset = offsets.GetBlock(topic, partition).Offset
		}
		return err
	})
	return offset, err
}
