//! Writes markers into partitions, each on the shard that owns it. Shell.
//!
//! One message to each owning shard; there all markers enter at once, so that one commit makes
//! them durable together.

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::error_code::ErrorCode;
use storage::clock;
use storage::log::transactions::Marker;

use crate::coordinator;
use crate::coordinator::machine::Transaction;
use crate::group::Groups;
use crate::metadata::image::GROUP_OFFSETS_TOPIC;
use crate::partition::table::PartitionId;
use crate::partition::{Partition, wait_until_durable};
use crate::shard::{Shard, append_order};

/// What a marker takes of a journal, at most.
const MARKER_BYTES: usize = 128;

/// A marker on its way, with its place among all of them.
type Placed = (usize, PartitionId, Marker);

/// Appends every marker; the results, in the same order, come when all are durable.
pub(crate) async fn write(
    shard: &Rc<Shard>,
    markers: Vec<(PartitionId, Marker)>,
) -> Vec<Result<(), ErrorCode>> {
    let mut by_owner: BTreeMap<usize, Vec<Placed>> = BTreeMap::new();
    for (place, (id, marker)) in markers.into_iter().enumerate() {
        let of_owner = by_owner.entry(shard.owner_of(id)).or_default();
        of_owner.push((place, id, marker));
    }
    let here = by_owner.remove(&shard.index);
    let mut replies = Vec::with_capacity(by_owner.len());
    for (owner, markers) in by_owner {
        let call = move |owner: Rc<Shard>| write_here(owner, markers);
        replies.push(shard.mailbox.send(owner, call).await);
    }
    let mut written = write_here(Rc::clone(shard), here.unwrap_or_default()).await;
    for reply in replies {
        written.append(&mut reply.await);
    }
    written.sort_unstable_by_key(|(place, _)| *place);
    written.into_iter().map(|(_, result)| result).collect()
}

/// Runs on the owner.
async fn write_here(shard: Rc<Shard>, markers: Vec<Placed>) -> Vec<(usize, Result<(), ErrorCode>)> {
    let mut written = Vec::with_capacity(markers.len());
    let mut ready = Vec::with_capacity(markers.len());
    let image = shard.image();
    let offsets_topic = image.topic(GROUP_OFFSETS_TOPIC).map(|topic| topic.id);
    let mut offsets = BTreeMap::new();
    for (place, id, marker) in markers {
        match shard.partition(id).await {
            Ok(partition) => {
                if Some(id.0) == offsets_topic {
                    offsets.insert(place, (id.1, marker));
                }
                ready.push((place, partition, marker));
            }
            Err(error) => written.push((place, Err(error))),
        }
    }
    if ready.is_empty() {
        return written;
    }
    let bytes = ready.len() * MARKER_BYTES;
    let appended = append_order::enter(&shard, bytes, move |_| {
        let now_ms = clock::now_ms();
        let append = |(place, partition, marker): (usize, Rc<Partition>, Marker)| {
            let appended = partition.append_marker(&marker, now_ms);
            (place, appended.map(|appended| (partition, appended)))
        };
        wait_until_durable(ready.into_iter().map(append).collect())
    });
    for (place, result) in appended.await {
        if result.is_ok()
            && let Some((index, marker)) = offsets.get(&place)
        {
            tell_groups(&shard, *index, marker).await;
        }
        written.push((place, result.map(drop)));
    }
    written
}

/// Offsets that groups have pending count from now on, or never.
async fn tell_groups(shard: &Rc<Shard>, index: i32, marker: &Marker) {
    let transaction = Transaction {
        producer_id: marker.producer_id,
        producer_epoch: marker.producer_epoch,
    };
    let committed = marker.end.committed;
    coordinator::marker_written::<Groups>(shard, index, transaction, committed).await;
}
