//! Which shard of this broker owns a partition. Pure.
//!
//! The answer is fixed at creation by what never changes, the topic id and the partition index, and
//! only reduced by the number of shards at the end. Data and journals are not tied to a shard
//! (recovery replays every journal found), so another shard count at the next start moves
//! partitions between cores and loses nothing. Consecutive partitions of a topic fall on
//! consecutive shards: a topic with as many partitions as cores uses every core equally.

use protocol::types::Uuid;

/// The index of the shard (`0..shards`) that owns this partition.
pub(crate) fn owner_of(topic_id: Uuid, partition: i32, shards: usize) -> usize {
    assert!(shards > 0, "a broker has at least one shard");
    let [a, b, c, d, e, f, g, h, ..] = *topic_id.as_bytes();
    let start = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let slot = start.wrapping_add(u64::from(partition.unsigned_abs()));
    usize::try_from(slot % shards as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_partitions_use_every_shard() {
        let id = Uuid::from_bytes([7; 16]);
        for shards in 1..9 {
            let mut owned = vec![0; shards];
            for partition in 0..i32::try_from(shards * 3).unwrap() {
                owned[owner_of(id, partition, shards)] += 1;
            }
            assert_eq!(owned, vec![3; shards]);
        }
    }

    #[test]
    fn placement_does_not_wrap_unevenly_at_the_top_of_the_id_space() {
        let id = Uuid::from_bytes([0xff; 16]);
        assert!(owner_of(id, i32::MAX, 3) < 3);
    }
}
