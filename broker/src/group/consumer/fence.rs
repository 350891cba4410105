//! Members that go: by their own will, because a deadline passed, or because somebody with the
//! right to it removes them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::group::ConsumerGroup;
use super::member::Member;
use super::records::ConsumerRecord;
use super::step::{Context, Step, Work};
use super::subscription::Preview;

/// The group without these members. What they held is free, and the group's epoch moves.
pub(crate) fn fence<R>(
    group: &ConsumerGroup,
    gone: &BTreeSet<&str>,
    context: Context<'_>,
    response: R,
) -> Step<R> {
    let mut work = Work::on(group, context);
    if gone.is_empty() {
        return work.answer(response);
    }
    for id in gone {
        work.records.extend(ConsumerRecord::member_ends(id));
    }
    for text in last_subscribed(group, gone) {
        work.records
            .push(ConsumerRecord::Pattern(text.to_owned(), None));
    }
    let preview = Preview {
        group,
        gone,
        come: None,
    };
    let hash = preview.metadata_hash(context.image);
    let epoch = group.epoch().saturating_add(1);
    work.records.push(ConsumerRecord::epoch(epoch, hash));
    Step {
        gone: gone.iter().map(|id| (*id).to_owned()).collect(),
        ..work.answer(response)
    }
}

/// The patterns that nobody but these members subscribes to.
fn last_subscribed<'g>(group: &'g ConsumerGroup, gone: &BTreeSet<&str>) -> Vec<&'g str> {
    let members = gone.iter().filter_map(|id| group.member(id));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in members.filter_map(Member::pattern) {
        *counts.entry(text).or_default() += 1;
    }
    counts.retain(|text, count| group.pattern_count(text) == *count);
    counts.into_keys().collect()
}

/// The records that end the group and all that belongs to it.
pub(crate) fn end(group: &ConsumerGroup) -> Vec<ConsumerRecord> {
    let ids = || group.members().map(|member| member.id.clone());
    let mut records: Vec<_> = ids().map(|id| ConsumerRecord::Current(id, None)).collect();
    records.extend(ids().map(|id| ConsumerRecord::Target(id, None)));
    records.push(ConsumerRecord::TargetEpoch(None));
    records.extend(ids().map(|id| ConsumerRecord::Member(id, None)));
    let patterns = group.resolved_patterns();
    records.extend(patterns.map(|(text, _)| ConsumerRecord::Pattern(text.clone(), None)));
    if group.has_partitions_record() {
        records.push(ConsumerRecord::PartitionsEnd);
    }
    records.push(ConsumerRecord::Group(None));
    records
}
