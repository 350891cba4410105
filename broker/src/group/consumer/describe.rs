//! What tools are told of a consumer group. Pure.

use std::collections::BTreeMap;

use protocol::messages::consumer_group_describe_response::{
    Assignment as Described, DescribedGroup, Member as DescribedMember, TopicPartitions,
};
use protocol::types::Uuid;

use super::assignor::{Assignment, Assignor};
use super::group::ConsumerGroup;
use super::member::Member;
use crate::metadata::image::ClusterImage;

const CLASSIC_MEMBER: i8 = 0;
const CONSUMER_MEMBER: i8 = 1;

impl ConsumerGroup {
    pub(crate) fn describe(
        &self,
        group_id: &str,
        default_assignor: Assignor,
        image: &ClusterImage,
    ) -> DescribedGroup {
        let assignor = Self::preferred_assignor(self.members()).unwrap_or(default_assignor);
        DescribedGroup {
            group_id: group_id.to_owned(),
            group_state: self.state().name().to_owned(),
            group_epoch: self.epoch(),
            assignment_epoch: self.target_epoch(),
            assignor_name: assignor.name().to_owned(),
            members: self
                .members()
                .map(|member| self.described(member, image))
                .collect(),
            ..Default::default()
        }
    }

    fn described(&self, member: &Member, image: &ClusterImage) -> DescribedMember {
        let mut holds = Assignment::new();
        for (topic, partition) in member.held() {
            holds.entry(topic).or_default().insert(partition);
        }
        DescribedMember {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            rack_id: member.rack_id.clone(),
            member_epoch: member.epoch,
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            subscribed_topic_names: member.topic_names.iter().cloned().collect(),
            subscribed_topic_regex: Some(member.topic_regex.clone().unwrap_or_default()),
            assignment: named(&holds, image),
            target_assignment: named(self.target_of(member), image),
            member_type: if member.classic.is_some() {
                CLASSIC_MEMBER
            } else {
                CONSUMER_MEMBER
            },
        }
    }
}

/// Topics that are gone are left out: they have no name any more.
fn named(assignment: &Assignment, image: &ClusterImage) -> Described {
    let names: BTreeMap<&Uuid, _> = assignment
        .keys()
        .filter_map(|topic| Some((topic, image.topic_by_id(*topic)?.name.as_ref())))
        .collect();
    let topic_partitions = names.into_iter().map(|(topic, name)| TopicPartitions {
        topic_id: *topic,
        topic_name: name.to_owned(),
        partitions: assignment[topic].iter().copied().collect(),
    });
    Described {
        topic_partitions: topic_partitions.collect(),
    }
}
