// Package administration is what every Go client does as an administrator: topics, their settings and records, and groups.
package administration

import (
	"fmt"
	"math/rand"
	"slices"

	"millrace/clients/checks"
	"millrace/clients/groups"
	"millrace/clients/roundtrip"
)

// A Client is one library under test.
type Client interface {
	groups.Client
	Topics() ([]string, error)
	PartitionCount(topic string) (int, error)
	Setting(topic, name string) (string, error)
	Alter(topic, name, value string) error
	// AddPartitions makes them so many.
	AddPartitions(topic string, count int) error
	// DeleteRecords deletes those before the offset.
	DeleteRecords(topic string, partition int32, offset int64) error
	Groups() ([]string, error)
	// MemberCount is that of a stable group, 0 of another one.
	MemberCount(group string) (int, error)
	DeleteGroup(group string) error
	DeleteTopic(topic string) error
}

type run struct {
	client       Client
	topic, group string
}

// Run makes all checks and ends the process when one fails.
func Run(name string, client Client) {
	topic := fmt.Sprintf("%s-admin-%08x", name, rand.Uint32())
	r := &run{client, topic, topic + "-group"}
	checks.Run(name+"-admin", []checks.Step{
		{What: "a topic is listed and described", Do: r.create},
		{What: "its configuration is altered and described", Do: r.alter},
		{What: "partitions are added", Do: r.addPartitions},
		{What: "records are deleted", Do: r.deleteRecords},
		{What: "a group is listed and described", Do: r.describeGroup},
		{What: "a group is deleted", Do: r.deleteGroup},
		{What: "the topic is deleted", Do: r.deleteTopic},
	})
}

func (r *run) create() error {
	if err := r.client.Create(r.topic, roundtrip.Partitions); err != nil {
		return err
	}
	if err := isListed(true, r.topic, r.client.Topics); err != nil {
		return err
	}
	return checks.Until(roundtrip.Partitions, func() (int, error) { return r.client.PartitionCount(r.topic) })
}

func (r *run) alter() error {
	if err := r.client.Alter(r.topic, "retention.ms", "654321"); err != nil {
		return err
	}
	return checks.Until("654321", func() (string, error) { return r.client.Setting(r.topic, "retention.ms") })
}

func (r *run) addPartitions() error {
	if err := r.client.AddPartitions(r.topic, 5); err != nil {
		return err
	}
	return checks.Until(5, func() (int, error) { return r.client.PartitionCount(r.topic) })
}

func (r *run) deleteRecords() error {
	if err := r.client.Produce(r.topic, "none", roundtrip.Records()); err != nil {
		return err
	}
	if err := r.client.DeleteRecords(r.topic, 0, 5); err != nil {
		return err
	}
	return checks.Until(5, func() (int64, error) { return r.client.OffsetAt(r.topic, 0, 0) })
}

func (r *run) describeGroup() error {
	member, err := r.client.Join(r.group, r.topic)
	if err != nil {
		return err
	}
	if err := checks.Until(1, func() (int, error) {
		if _, err := member.Poll(); err != nil {
			return 0, err
		}
		return r.client.MemberCount(r.group)
	}); err != nil {
		return err
	}
	if err := isListed(true, r.group, r.client.Groups); err != nil {
		return err
	}
	return member.Close()
}

func (r *run) deleteGroup() error {
	if err := r.client.DeleteGroup(r.group); err != nil {
		return err
	}
	return isListed(false, r.group, r.client.Groups)
}

func (r *run) deleteTopic() error {
	if err := r.client.DeleteTopic(r.topic); err != nil {
		return err
	}
	return isListed(false, r.topic, r.client.Topics)
}

func isListed(wanted bool, name string, list func() ([]string, error)) error {
	return checks.Until(wanted, func() (bool, error) {
		names, err := list()
		return slices.Contains(names, name), err
	})
}
