//! `DeleteRecords` (21), versions 0-2: moves the log start offset forward, durably.
//!
//! One hop to each owning shard. Refused for topics that are only compacted and for internal ones.

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::delete_records_request::DeleteRecordsRequest;
use protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsResponse, DeleteRecordsTopicResult,
};

use crate::api::{Call, CloseReason, Outcome};
use crate::partition::table::PartitionId;
use crate::shard::Shard;
use crate::shard::owners::ask_owners;

/// Stands for the high watermark.
const ALL: i64 = -1;
/// The low watermark of a partition that was refused.
const NONE: i64 = -1;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: DeleteRecordsRequest = call.request()?;
    let shard = &call.connection.shard;
    // of a partition named more than once the last offset counts
    let mut wanted: BTreeMap<String, BTreeMap<i32, i64>> = BTreeMap::new();
    for topic in request.topics {
        let of_topic = wanted.entry(topic.name).or_default();
        let partitions = topic.partitions.into_iter();
        of_topic.extend(partitions.map(|asked| (asked.partition_index, asked.offset)));
    }
    let mut response = DeleteRecordsResponse::default();
    let (mut places, mut questions) = (Vec::new(), Vec::new());
    for (name, of_topic) in wanted {
        let mut partitions = Vec::with_capacity(of_topic.len());
        for (index, offset) in of_topic {
            match check(shard, &name, index) {
                Ok(id) => {
                    places.push((response.topics.len(), partitions.len()));
                    questions.push((id, offset));
                    // replaced when the owner has answered
                    partitions.push(answered(index, Err(ErrorCode::UnknownServerError)));
                }
                Err(code) => partitions.push(answered(index, Err(code))),
            }
        }
        response
            .topics
            .push(DeleteRecordsTopicResult { name, partitions });
    }
    let deleted = ask_owners(shard, questions, delete).await;
    for ((topic, partition), deleted) in places.into_iter().zip(deleted) {
        let answer = &mut response.topics[topic].partitions[partition];
        *answer = answered(answer.partition_index, deleted);
    }
    Ok(call.respond(&response))
}

/// The partition, if records may be deleted from it.
fn check(shard: &Shard, name: &str, index: i32) -> Result<PartitionId, ErrorCode> {
    let image = shard.image();
    let topic = image
        .topic(name)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if topic.partition(index).is_none() {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    if topic.internal {
        return Err(ErrorCode::InvalidTopicException);
    }
    if !shard.topic_config(&image, topic).cleanup_policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    Ok((topic.id, index))
}

/// Runs on the owner. The low watermark: the log start offset as it is now.
async fn delete(shard: Rc<Shard>, id: PartitionId, offset: i64) -> Result<i64, ErrorCode> {
    let partition = shard.partition(id).await?;
    let before = match offset {
        ALL => partition.high_watermark().get(),
        offset => offset,
    };
    partition.delete_records(before).await
}

fn answered(index: i32, deleted: Result<i64, ErrorCode>) -> DeleteRecordsPartitionResult {
    DeleteRecordsPartitionResult {
        partition_index: index,
        low_watermark: deleted.unwrap_or(NONE),
        error_code: deleted.err().unwrap_or(ErrorCode::None).code(),
    }
}
