//! The committed offsets of one group, and those that a transaction has not committed yet. Pure.
//!
//! There may be millions of them, so what is rare (a text, an expiry) takes no room where it is
//! not. A transaction's offsets are pending until its marker; of several commits for one partition
//! the one that was written last counts, whatever the order of the markers.

use std::collections::BTreeMap;
use std::rc::Rc;

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    /// Wall clock.
    pub(crate) commit_ms: i64,
    /// -1 when the client did not say.
    pub(crate) leader_epoch: i32,
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rare {
    metadata: String,
    expire_ms: i64,
}

/// No expiry of its own.
const NEVER: i64 = -1;

impl Committed {
    pub(crate) fn new(offset: i64, leader_epoch: i32, commit_ms: i64) -> Self {
        Self {
            offset,
            commit_ms,
            leader_epoch,
            rare: None,
        }
    }

    /// With the client's text, and a wall-clock time at which it expires (-1 for none).
    pub(crate) fn with(mut self, metadata: String, expire_ms: i64) -> Self {
        if !metadata.is_empty() || expire_ms != NEVER {
            self.rare = Some(Box::new(Rare {
                metadata,
                expire_ms,
            }));
        }
        self
    }

    pub(crate) fn metadata(&self) -> &str {
        self.rare.as_ref().map_or("", |rare| &rare.metadata)
    }

    /// When it expires, if the client asked for a time of its own.
    pub(crate) fn expire_ms(&self) -> Option<i64> {
        let expire_ms = self.rare.as_ref().map(|rare| rare.expire_ms);
        expire_ms.filter(|expire_ms| *expire_ms != NEVER)
    }
}

/// An offset that counts if its transaction is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pending {
    committed: Committed,
    /// A record written later has replaced it already.
    is_superseded: bool,
    /// Place in the order of this group's pending offsets.
    order: u64,
}

type ByPartition<T> = BTreeMap<Rc<str>, BTreeMap<i32, T>>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    committed: ByPartition<Committed>,
    pending: BTreeMap<i64, ByPartition<Pending>>,
    order_next: u64,
}

impl Offsets {
    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&Committed> {
        self.committed.get(topic)?.get(&partition)
    }

    /// Every committed offset, by topic and partition.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Rc<str>, &BTreeMap<i32, Committed>)> {
        self.committed.iter()
    }

    /// Nothing is committed, and no transaction may still do so.
    pub(crate) fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.pending.is_empty()
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Something is committed or pending for this partition.
    pub(crate) fn has(&self, topic: &str, partition: i32) -> bool {
        self.get(topic, partition).is_some() || self.is_pending(topic, partition)
    }

    /// A transaction may still commit another offset of this partition.
    pub(crate) fn is_pending(&self, topic: &str, partition: i32) -> bool {
        self.pending.values().any(|offsets| {
            let of_topic = offsets.get(topic);
            of_topic.is_some_and(|of_topic| of_topic.contains_key(&partition))
        })
    }

    /// Partitions with a committed or a pending offset, for deleting them all.
    pub(crate) fn partitions(&self) -> Vec<(Rc<str>, i32)> {
        let mut all = Vec::new();
        for (topic, partitions) in &self.committed {
            all.extend(partitions.keys().map(|index| (Rc::clone(topic), *index)));
        }
        for (topic, partitions) in self.pending.values().flatten() {
            all.extend(partitions.keys().map(|index| (Rc::clone(topic), *index)));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(crate) fn commit(&mut self, topic: &Rc<str>, partition: i32, committed: Committed) {
        self.supersede(topic, partition, u64::MAX);
        put(&mut self.committed, topic, partition, committed);
    }

    pub(crate) fn commit_pending(
        &mut self,
        producer_id: i64,
        topic: &Rc<str>,
        partition: i32,
        committed: Committed,
    ) {
        let pending = Pending {
            committed,
            is_superseded: false,
            order: self.order_next,
        };
        self.order_next += 1;
        let of_producer = self.pending.entry(producer_id).or_default();
        put(of_producer, topic, partition, pending);
    }

    /// Ends the producer's transaction.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, commits: bool) {
        let Some(ended) = self.pending.remove(&producer_id) else {
            return;
        };
        for (topic, partitions) in ended {
            for (partition, pending) in partitions {
                if commits && !pending.is_superseded {
                    self.supersede(&topic, partition, pending.order);
                    put(&mut self.committed, &topic, partition, pending.committed);
                }
            }
        }
    }

    /// Removes what is committed and pending for a partition.
    pub(crate) fn delete(&mut self, topic: &str, partition: i32) {
        take(&mut self.committed, topic, partition);
        self.pending.retain(|_, of_producer| {
            take(of_producer, topic, partition);
            !of_producer.is_empty()
        });
    }

    /// A record has replaced the pending offsets of this partition that were written before.
    fn supersede(&mut self, topic: &str, partition: i32, before: u64) {
        for of_producer in self.pending.values_mut() {
            let of_topic = of_producer.get_mut(topic);
            if let Some(pending) = of_topic.and_then(|of_topic| of_topic.get_mut(&partition)) {
                pending.is_superseded |= pending.order < before;
            }
        }
    }
}

fn put<T>(map: &mut ByPartition<T>, topic: &Rc<str>, partition: i32, value: T) {
    match map.get_mut(topic) {
        Some(partitions) => drop(partitions.insert(partition, value)),
        None => drop(map.insert(Rc::clone(topic), BTreeMap::from([(partition, value)]))),
    }
}

fn take<T>(map: &mut ByPartition<T>, topic: &str, partition: i32) {
    if let Some(partitions) = map.get_mut(topic) {
        partitions.remove(&partition);
        if partitions.is_empty() {
            map.remove(topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> Committed {
        Committed::new(offset, -1, 0)
    }

    fn offsets() -> (Offsets, Rc<str>) {
        (Offsets::default(), "topic".into())
    }

    fn committed(offsets: &Offsets) -> Option<i64> {
        offsets.get("topic", 0).map(|committed| committed.offset)
    }

    #[test]
    fn a_pending_offset_counts_once_its_transaction_commits() {
        let (mut offsets, topic) = offsets();
        offsets.commit(&topic, 0, at(1));
        offsets.commit_pending(7, &topic, 0, at(5));
        assert!(offsets.is_pending("topic", 0));
        assert_eq!(committed(&offsets), Some(1));
        offsets.end_transaction(7, true);
        assert!(!offsets.is_pending("topic", 0));
        assert_eq!(committed(&offsets), Some(5));
    }

    #[test]
    fn an_aborted_transaction_leaves_nothing() {
        let (mut offsets, topic) = offsets();
        offsets.commit_pending(7, &topic, 0, at(5));
        offsets.end_transaction(7, false);
        assert!(offsets.is_empty());
    }

    #[test]
    fn of_mixed_commits_the_last_written_counts() {
        let (mut offsets, topic) = offsets();
        offsets.commit_pending(7, &topic, 0, at(5));
        offsets.commit(&topic, 0, at(6));
        offsets.end_transaction(7, true);
        assert_eq!(
            committed(&offsets),
            Some(6),
            "written after the pending one"
        );
        offsets.commit_pending(8, &topic, 0, at(7));
        offsets.commit_pending(9, &topic, 0, at(8));
        offsets.end_transaction(9, true);
        offsets.end_transaction(8, true);
        assert_eq!(committed(&offsets), Some(8), "whatever the markers' order");
    }

    #[test]
    fn deletion_takes_the_pending_ones_too() {
        let (mut offsets, topic) = offsets();
        offsets.commit(&topic, 0, at(1));
        offsets.commit_pending(7, &topic, 1, at(2));
        assert_eq!(offsets.partitions().len(), 2);
        offsets.delete("topic", 0);
        offsets.delete("topic", 1);
        assert!(offsets.is_empty());
    }

    #[test]
    fn a_committed_offset_is_small() {
        assert!(size_of::<Committed>() <= 32);
        let with_text = at(1).with("text".to_owned(), NEVER);
        assert_eq!(
            (with_text.metadata(), with_text.expire_ms()),
            ("text", None)
        );
        assert_eq!(at(1).with(String::new(), 9).expire_ms(), Some(9));
    }
}
