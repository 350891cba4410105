package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/IBM/sarama"
)

func (c client) admin(ask func(sarama.ClusterAdmin) error) error {
	admin, err := sarama.NewClusterAdmin(c.brokers, config())
	if err != nil {
		return err
	}
	defer admin.Close()
	return ask(admin)
}

func (c client) Topics() (names []string, err error) {
	err = c.admin(func(admin sarama.ClusterAdmin) error {
		topics, err := admin.ListTopics()
		names = slices.Collect(maps.Keys(topics))
		return err
	})
	return names, err
}

func (c client) PartitionCount(topic string) (count int, err error) {
	err = c.admin(func(admin sarama.ClusterAdmin) error {
		topics, err := admin.DescribeTopics([]string{topic})
		if err != nil {
			return err
		}
		count = len(topics[0].Partitions)
		return nil
	})
	return count, err
}

func (c client) Setting(topic, name string) (value string, err error) {
	err = c.admin(func(admin sarama.ClusterAdmin) error {
		entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{name}})
		for _, entry := range entries {
			value = entry.Value
		}
		return err
	})
	return value, err
}

func (c client) Alter(topic, name, value string) error {
	return c.admin(func(admin sarama.ClusterAdmin) error {
		entry := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}
		return admin.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{name: entry}, false)
	})
}

func (c client) AddPartitions(topic string, count int) error {
	return c.admin(func(admin sarama.ClusterAdmin) error { return admin.CreatePartitions(topic, int32(count), nil, false) })
}

func (c client) DeleteRecords(topic string, partition int32, offset int64) error {
	return c.admin(func(admin sarama.ClusterAdmin) error {
		return admin.DeleteRecords(topic, map[int32]int64{partition: offset})
	})
}

func (c client) Groups() (names []string, err error) {
	err = c.admin(func(admin sarama.ClusterAdmin) error {
		groups, err := admin.ListConsumerGroups()
		names = slices.Collect(maps.Keys(groups))
		return err
	})
	return names, err
}

func (c client) MemberCount(group string) (count int, err error) {
	err = c.admin(func(admin sarama.ClusterAdmin) error {
		groups, err := admin.DescribeConsumerGroups([]string{group})
		if err != nil {
			return err
		}
		if described := groups[0]; described.Err != sarama.ErrNoError {
			return fmt.Errorf("%s: %w", group, described.Err)
		} else if described.State == "Stable" {
			count = len(described.Members)
		}
		return nil
	})
	return count, err
}

func (c client) DeleteGroup(group string) error {
	return c.admin(func(admin sarama.ClusterAdmin) error { return admin.DeleteConsumerGroup(group) })
}

func (c client) DeleteTopic(topic string) error {
	return c.admin(func(admin sarama.ClusterAdmin) error { return admin.DeleteTopic(topic) })
}
