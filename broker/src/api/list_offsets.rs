//! `ListOffsets` (2), versions 1-11: earliest, latest, by timestamp, and the special ones.
//!
//! One hop to each owning shard. A lookup by timestamp goes through the index and the batch; what
//! concerns tiered storage (-4, -5, -6) is answered as a broker without it does.

use std::collections::HashSet;
use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsRequest};
use protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use protocol::types::Uuid;
use storage::log::TimestampOffset;

use crate::api::{Call, CloseReason, Outcome};
use crate::partition::table::PartitionId;
use crate::partition::{Isolation, Partition};
use crate::shard::Shard;
use crate::shard::owners::ask_owners;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// From this version each special timestamp is known; before, it is refused.
const SPECIAL_FROM_VERSION: [(i64, i16); 4] = [
    (MAX_TIMESTAMP, 7),
    (EARLIEST_LOCAL, 8),
    (LATEST_TIERED, 9),
    (EARLIEST_PENDING_UPLOAD, 11),
];

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: ListOffsetsRequest = call.request()?;
    let shard = &call.connection.shard;
    let version = call.header.api_version;
    let isolation = Isolation::from_level(request.isolation_level);
    let mut response = ListOffsetsResponse::default();
    let (mut places, mut questions) = (Vec::new(), Vec::new());
    for topic in request.topics {
        let id = shard.image().topic(&topic.name).map(|topic| topic.id);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        let (repeated, mut refused) = (repeated(&topic.partitions), HashSet::new());
        for asked in topic.partitions {
            let index = asked.partition_index;
            let is_repeated = repeated.contains(&index);
            if is_repeated && !refused.insert(index) {
                continue; // once is enough
            }
            let checked = check(id, &asked, is_repeated, version);
            match checked.and_then(|id| Ok((id, isolation?))) {
                Err(error) => partitions.push(answered(index, Err(error))),
                Ok((id, isolation)) => {
                    places.push((response.topics.len(), partitions.len()));
                    questions.push((id, (asked, isolation)));
                    // replaced when the owner has answered
                    let none = Err(ErrorCode::UnknownServerError);
                    partitions.push(answered(index, none));
                }
            }
        }
        response.topics.push(ListOffsetsTopicResponse {
            name: topic.name,
            partitions,
        });
    }
    let found = ask_owners(shard, questions, look).await;
    for ((topic, partition), found) in places.into_iter().zip(found) {
        let answer = &mut response.topics[topic].partitions[partition];
        *answer = answered(answer.partition_index, found);
    }
    Ok(call.respond(&response))
}

/// Partitions that one topic of a request names more than once.
fn repeated(asked: &[ListOffsetsPartition]) -> HashSet<i32> {
    let mut seen = HashSet::new();
    asked
        .iter()
        .map(|asked| asked.partition_index)
        .filter(|index| !seen.insert(*index))
        .collect()
}

/// The partition to look at, of a question that can be answered.
fn check(
    topic: Option<Uuid>,
    asked: &ListOffsetsPartition,
    is_repeated: bool,
    version: i16,
) -> Result<PartitionId, ErrorCode> {
    if is_repeated {
        return Err(ErrorCode::InvalidRequest);
    }
    let special = SPECIAL_FROM_VERSION
        .iter()
        .find(|(special, _)| *special == asked.timestamp);
    let is_known = match special {
        Some((_, from_version)) => version >= *from_version,
        None => matches!(asked.timestamp, LATEST | EARLIEST) || asked.timestamp >= 0,
    };
    if !is_known {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    Ok((topic, asked.partition_index))
}

/// Runs on the owner.
async fn look(
    shard: Rc<Shard>,
    id: PartitionId,
    (asked, isolation): (ListOffsetsPartition, Isolation),
) -> Result<TimestampOffset, ErrorCode> {
    let partition = shard.partition(id).await?;
    partition.check_leader_epoch(asked.current_leader_epoch)?;
    find(&partition, asked.timestamp, isolation).await
}

async fn find(
    partition: &Partition,
    timestamp: i64,
    isolation: Isolation,
) -> Result<TimestampOffset, ErrorCode> {
    let bounds = partition.bounds();
    let at = |offset: i64| TimestampOffset {
        offset,
        timestamp: -1,
        leader_epoch: partition.leader_epoch(),
    };
    let none = TimestampOffset {
        offset: -1,
        timestamp: -1,
        leader_epoch: -1,
    };
    let found = match timestamp {
        LATEST => at(partition.readable_end(isolation).get()),
        EARLIEST | EARLIEST_LOCAL => at(bounds.log_start_offset),
        LATEST_TIERED => TimestampOffset {
            leader_epoch: -1,
            ..at(-1)
        },
        EARLIEST_PENDING_UPLOAD => none,
        MAX_TIMESTAMP => partition
            .offset_of_max_timestamp(isolation)
            .await?
            .unwrap_or(none),
        _ => partition
            .offset_for_timestamp(timestamp, isolation)
            .await?
            .unwrap_or(none),
    };
    Ok(found)
}

fn answered(
    partition_index: i32,
    found: Result<TimestampOffset, ErrorCode>,
) -> ListOffsetsPartitionResponse {
    let mut response = ListOffsetsPartitionResponse {
        partition_index,
        ..Default::default()
    };
    match found {
        Ok(found) => {
            response.offset = found.offset;
            response.timestamp = found.timestamp;
            response.leader_epoch = found.leader_epoch;
        }
        Err(error) => response.error_code = error.into(),
    }
    response
}
