//! The target: what each member is to have in the group's next epoch. Pure.

use std::collections::BTreeMap;

use super::assignor::{Assignment, Assignor, Group, Subscriber};
use super::group::ConsumerGroup;
use super::records::ConsumerRecord;
use super::step::Context;
use super::subscription::{Preview, TopicIds};

/// The target of every member of the group as it is going to be.
pub(super) fn next<'a>(
    preview: Preview<'a>,
    context: Context<'_>,
) -> BTreeMap<&'a str, Assignment> {
    let mut topics = TopicIds::default();
    let mut group = Group::default();
    for member in preview.members() {
        let topics = topics.of(member, preview.group, context.image);
        for id in &*topics {
            if let Some(topic) = context.image.topic_by_id(*id) {
                group.partition_counts.insert(*id, topic.partition_count());
            }
        }
        let subscriber = Subscriber {
            instance_id: member.instance_id.as_deref(),
            topics,
            current: preview.group.target_of(member),
        };
        group.members.insert(&member.id, subscriber);
    }
    assignor(preview, context).assign(&group)
}

fn assignor(preview: Preview<'_>, context: Context<'_>) -> Assignor {
    let offered = &context.settings.assignors;
    ConsumerGroup::preferred_assignor(preview.members())
        .filter(|assignor| offered.contains(assignor))
        .or_else(|| offered.first().copied())
        .unwrap_or(Assignor::Uniform)
}

/// A record for each member whose target is another than before.
pub(super) fn changes<'a>(
    group: &'a ConsumerGroup,
    next: &'a BTreeMap<&str, Assignment>,
) -> impl Iterator<Item = ConsumerRecord> + 'a {
    next.iter()
        .filter(|(member, assignment)| group.recorded_target(member) != Some(assignment))
        .map(|(member, assignment)| ConsumerRecord::target(member, assignment))
}
