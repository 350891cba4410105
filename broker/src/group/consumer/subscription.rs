//! What a group subscribes to: topics by name and by pattern, and what is known of them. Pure.
//!
//! The hash over all topics of a group is kept in its records: when it differs from the hash of the
//! present image, topics came, went or grew, and the group needs another assignment. The hash is
//! computed as Kafka does, so that a group may go from one broker to the other without a rebalance.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use protocol::types::Uuid;
use twox_hash::XxHash3_64;

use super::group::ConsumerGroup;
use super::member::Member;
use crate::metadata::image::{ClusterImage, TopicImage};

/// Stands first in what is hashed; another number if the hash should ever cover something else.
const HASH_VERSION: u8 = 0;

/// A group with the changes that a request is about to make: `gone` members are not in it, `come`
/// stands in the place of the member with its id.
#[derive(Clone, Copy)]
pub(crate) struct Preview<'a> {
    pub(crate) group: &'a ConsumerGroup,
    pub(crate) gone: &'a BTreeSet<&'a str>,
    pub(crate) come: Option<&'a Member>,
}

impl<'a> Preview<'a> {
    pub(crate) fn members(self) -> impl Iterator<Item = &'a Member> {
        let come = self.come;
        let stays = move |member: &&Member| {
            !self.gone.contains(member.id.as_str()) && come.is_none_or(|come| come.id != member.id)
        };
        self.group.members().filter(stays).chain(come)
    }

    /// The members of the group that will not be in it, or not as they are.
    fn leaving(self) -> impl Iterator<Item = &'a Member> {
        let replaced = self.come.map(|come| come.id.as_str());
        let ids = self.gone.iter().copied().chain(replaced);
        ids.filter_map(move |id| self.group.member(id))
    }

    /// Every name that some member subscribes to, directly or by a pattern that is resolved.
    pub(crate) fn topic_names(self) -> BTreeSet<&'a str> {
        let mut names = self.group.topic_counts();
        let mut patterns = self.group.pattern_counts();
        for member in self.leaving() {
            member
                .topic_names
                .iter()
                .for_each(|name| drop_one(&mut names, name));
            member
                .pattern()
                .into_iter()
                .for_each(|text| drop_one(&mut patterns, text));
        }
        let mut names: BTreeSet<&str> = names.into_keys().collect();
        if let Some(come) = self.come {
            names.extend(come.topic_names.iter().map(String::as_str));
            patterns.extend(come.pattern().map(|text| (text, 1)));
        }
        for resolved in patterns.keys().filter_map(|text| self.group.resolved(text)) {
            names.extend(resolved.topics.iter().map(String::as_str));
        }
        names
    }

    /// Every pattern that some member subscribes to.
    pub(crate) fn patterns(self) -> BTreeSet<&'a str> {
        let mut patterns = self.group.pattern_counts();
        for text in self.leaving().filter_map(Member::pattern) {
            drop_one(&mut patterns, text);
        }
        let come = self.come.and_then(Member::pattern);
        patterns.into_keys().chain(come).collect()
    }

    /// The hash over all topics that the group subscribes to and that exist.
    pub(crate) fn metadata_hash(self, image: &ClusterImage) -> i64 {
        hash_of(self.topic_names().into_iter(), image)
    }
}

fn drop_one(counts: &mut BTreeMap<&str, usize>, key: &str) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// The existing topics that a member subscribes to.
pub(crate) fn topic_ids(
    member: &Member,
    group: &ConsumerGroup,
    image: &ClusterImage,
) -> BTreeSet<Uuid> {
    let resolved = member.pattern().and_then(|pattern| group.resolved(pattern));
    let by_pattern = resolved
        .map(|resolved| &resolved.topics)
        .into_iter()
        .flatten();
    let names = member.topic_names.iter().chain(by_pattern);
    names
        .filter_map(|name| image.topic(name))
        .map(|topic| topic.id)
        .collect()
}

/// The existing topics of many members; those that subscribe alike share one set.
#[derive(Default)]
pub(crate) struct TopicIds<'a> {
    known: BTreeMap<Subscription<'a>, Rc<BTreeSet<Uuid>>>,
}

/// Names, and a pattern.
type Subscription<'a> = (&'a BTreeSet<String>, Option<&'a str>);

impl<'a> TopicIds<'a> {
    pub(crate) fn of(
        &mut self,
        member: &'a Member,
        group: &ConsumerGroup,
        image: &ClusterImage,
    ) -> Rc<BTreeSet<Uuid>> {
        let subscription = (&member.topic_names, member.pattern());
        let ids = self
            .known
            .entry(subscription)
            .or_insert_with(|| Rc::new(topic_ids(member, group, image)));
        Rc::clone(ids)
    }
}

/// The hash over the topics that exist, in the order of their names.
pub(crate) fn hash_of<'a>(names: impl Iterator<Item = &'a str>, image: &ClusterImage) -> i64 {
    let mut hashes = Vec::new();
    for topic in names.filter_map(|name| image.topic(name)) {
        hashes.extend_from_slice(&hash_of_topic(topic, image).to_le_bytes());
    }
    if hashes.is_empty() {
        return 0;
    }
    XxHash3_64::oneshot(&hashes).cast_signed()
}

fn hash_of_topic(topic: &TopicImage, image: &ClusterImage) -> u64 {
    let id = topic.id.to_u128();
    let mut bytes = vec![HASH_VERSION];
    // the id goes in as two numbers, the upper half first
    bytes.extend_from_slice(&upper_half(id).to_le_bytes());
    bytes.extend_from_slice(&lower_half(id).to_le_bytes());
    put_text(&mut bytes, &topic.name);
    bytes.extend_from_slice(&topic.partition_count().to_le_bytes());
    for (index, partition) in (0_i32..).zip(&topic.partitions) {
        bytes.extend_from_slice(&index.to_le_bytes());
        let brokers = partition
            .replicas
            .iter()
            .filter_map(|id| image.brokers.get(id));
        let mut racks: Vec<&str> = brokers
            .filter_map(|broker| broker.rack.as_deref())
            .collect();
        racks.sort_unstable();
        for rack in racks {
            bytes.extend_from_slice(&utf16_len(rack).to_le_bytes());
            put_text(&mut bytes, rack);
        }
    }
    XxHash3_64::oneshot(&bytes)
}

fn upper_half(id: u128) -> u64 {
    u64::try_from(id >> 64).unwrap_or_default()
}

fn lower_half(id: u128) -> u64 {
    u64::try_from(id & u128::from(u64::MAX)).unwrap_or_default()
}

/// A text as Java hashes it: its UTF-16 units, then how many they are.
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    for unit in text.encode_utf16() {
        bytes.extend_from_slice(&unit.to_le_bytes());
    }
    bytes.extend_from_slice(&utf16_len(text).to_le_bytes());
}

fn utf16_len(text: &str) -> i32 {
    i32::try_from(text.encode_utf16().count()).unwrap_or(i32::MAX)
}
