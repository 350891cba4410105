// members keeps groups busy: each member has a group and a connection of its own, and sends commits or heartbeats one after the other.
// `members -bootstrap HOST:PORT -send commits|heartbeats` says how many were answered in how many seconds.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var (
	bootstrap  = flag.String("bootstrap", "127.0.0.1:9092", "a broker")
	topic      = flag.String("topic", "members", "a new topic, which the groups read")
	send       = flag.String("send", "commits", "commits or heartbeats")
	members    = flag.Int("members", 100, "members, each alone in its group")
	partitions = flag.Int("partitions", 5, "offsets of a commit")
	seconds    = flag.Int("seconds", 10, "how long")
)

func main() {
	flag.Parse()
	id := makeTopic()
	all := make([]*member, *members)
	var joining, working sync.WaitGroup
	for number := range all {
		joining.Go(func() { all[number] = join(fmt.Sprintf("%s-%d", *topic, number)) })
	}
	joining.Wait()
	var answered atomic.Int64
	begun := time.Now()
	end := begun.Add(time.Duration(*seconds) * time.Second)
	for _, m := range all {
		working.Go(func() {
			for at := int64(0); time.Now().Before(end); at++ {
				if *send == "commits" {
					m.commit(id, at)
				} else {
					m.heartbeat()
				}
				answered.Add(1)
			}
		})
	}
	working.Wait()
	took := time.Since(begun).Seconds()
	for _, m := range all {
		m.client.Close()
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{"answered": answered.Load(), "seconds": took}))
}

func makeTopic() kadm.TopicID {
	client, err := kgo.NewClient(kgo.SeedBrokers(*bootstrap))
	check(err)
	defer client.Close()
	made, err := kadm.NewClient(client).CreateTopic(context.Background(), int32(*partitions), 1, nil, *topic)
	check(err)
	return made.ID
}

// A member of a stable group.
type member struct {
	client     *kgo.Client
	group      string
	id         string
	generation int32
}

func join(group string) *member {
	client, err := kgo.NewClient(kgo.SeedBrokers(*bootstrap), kgo.ClientID(group))
	check(err)
	m := &member{client: client, group: group}
	request := kmsg.NewPtrJoinGroupRequest()
	request.Group, request.ProtocolType = group, "consumer"
	request.SessionTimeoutMillis, request.RebalanceTimeoutMillis = 30_000, 30_000
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = "range"
	request.Protocols = append(request.Protocols, protocol)
	joined, err := request.RequestWith(context.Background(), client)
	check(err)
	if joined.ErrorCode == kerr.MemberIDRequired.Code {
		request.MemberID = joined.MemberID
		joined, err = request.RequestWith(context.Background(), client)
		check(err)
	}
	check(kerr.ErrorForCode(joined.ErrorCode))
	m.id, m.generation = joined.MemberID, joined.Generation
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = group, m.id, m.generation
	sync.ProtocolType, sync.Protocol = joined.ProtocolType, joined.Protocol
	assignment := kmsg.NewSyncGroupRequestGroupAssignment()
	assignment.MemberID, assignment.MemberAssignment = m.id, []byte{}
	sync.GroupAssignment = append(sync.GroupAssignment, assignment)
	synced, err := sync.RequestWith(context.Background(), client)
	check(err)
	check(kerr.ErrorForCode(synced.ErrorCode))
	return m
}

func (m *member) commit(id kadm.TopicID, at int64) {
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.MemberID, request.Generation = m.group, m.id, m.generation
	ofTopic := kmsg.NewOffsetCommitRequestTopic()
	ofTopic.Topic, ofTopic.TopicID = *topic, id
	for partition := range *partitions {
		own := kmsg.NewOffsetCommitRequestTopicPartition()
		own.Partition, own.Offset = int32(partition), at
		ofTopic.Partitions = append(ofTopic.Partitions, own)
	}
	request.Topics = append(request.Topics, ofTopic)
	committed, err := request.RequestWith(context.Background(), m.client)
	check(err)
	for _, answered := range committed.Topics {
		for _, own := range answered.Partitions {
			check(kerr.ErrorForCode(own.ErrorCode))
		}
	}
}

func (m *member) heartbeat() {
	request := kmsg.NewPtrHeartbeatRequest()
	request.Group, request.MemberID, request.Generation = m.group, m.id, m.generation
	answered, err := request.RequestWith(context.Background(), m.client)
	check(err)
	check(kerr.ErrorForCode(answered.ErrorCode))
}

func check(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "members: %v\n", err)
		os.Exit(1)
	}
}
