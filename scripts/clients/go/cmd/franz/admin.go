package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func (f franz) admin(ask func(context.Context, *kadm.Client) error) error {
	return f.with(func(limited context.Context, client *kgo.Client) error { return ask(limited, kadm.NewClient(client)) })
}

func (f franz) Topics() (names []string, err error) {
	err = f.admin(func(limited context.Context, admin *kadm.Client) error {
		topics, err := admin.ListTopics(limited)
		names = topics.Names()
		return err
	})
	return names, err
}

func (f franz) PartitionCount(topic string) (count int, err error) {
	err = f.admin(func(limited context.Context, admin *kadm.Client) error {
		topics, err := admin.ListTopics(limited, topic)
		count = len(topics[topic].Partitions)
		return err
	})
	return count, err
}

func (f franz) Setting(topic, name string) (value string, err error) {
	err = f.admin(func(limited context.Context, admin *kadm.Client) error {
		described, err := admin.DescribeTopicConfigs(limited, topic)
		if err != nil {
			return err
		}
		found, err := described.On(topic, nil)
		if err != nil {
			return err
		}
		for _, config := range found.Configs {
			if config.Key == name {
				value = config.MaybeValue()
			}
		}
		return found.Err
	})
	return value, err
}

func (f franz) Alter(topic, name, value string) error {
	return f.admin(func(limited context.Context, admin *kadm.Client) error {
		altered, err := admin.AlterTopicConfigs(limited, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}}, topic)
		if err != nil {
			return err
		}
		answer, err := altered.On(topic, nil)
		if err != nil {
			return err
		}
		return answer.Err
	})
}

func (f franz) AddPartitions(topic string, count int) error {
	return f.admin(func(limited context.Context, admin *kadm.Client) error {
		updated, err := admin.UpdatePartitions(limited, count, topic)
		if err != nil {
			return err
		}
		return updated.Error()
	})
}

func (f franz) DeleteRecords(topic string, partition int32, offset int64) error {
	return f.admin(func(limited context.Context, admin *kadm.Client) error {
		var before kadm.Offsets
		before.AddOffset(topic, partition, offset, -1)
		deleted, err := admin.DeleteRecords(limited, before)
		if err != nil {
			return err
		}
		return deleted.Error()
	})
}

func (f franz) Groups() (names []string, err error) {
	err = f.admin(func(limited context.Context, admin *kadm.Client) error {
		groups, err := admin.ListGroups(limited)
		names = groups.Groups()
		return err
	})
	return names, err
}

func (f franz) MemberCount(group string) (count int, err error) {
	err = f.admin(func(limited context.Context, admin *kadm.Client) error {
		groups, err := admin.DescribeGroups(limited, group)
		if err != nil {
			return err
		}
		described := groups[group]
		if described.State == "Stable" {
			count = len(described.Members)
		}
		return described.Err
	})
	return count, err
}

func (f franz) DeleteGroup(group string) error {
	return f.admin(func(limited context.Context, admin *kadm.Client) error {
		deleted, err := admin.DeleteGroup(limited, group)
		if err != nil {
			return fmt.Errorf("%s: %w", group, err)
		}
		return deleted.Err
	})
}

func (f franz) DeleteTopic(topic string) error {
	return f.admin(func(limited context.Context, admin *kadm.Client) error {
		deleted, err := admin.DeleteTopic(limited, topic)
		if err != nil {
			return err
		}
		return deleted.Err
	})
}
