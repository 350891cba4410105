//! `OffsetCommit` (8), versions 2-10. Shell: the rules are in `group::offset_commit`.
//!
//! Partitions that do not exist are refused here; the rest makes one hop to the group's coordinator
//! and is answered when it is durable. Version 10 names topics by id.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::offset_commit_request::{OffsetCommitRequest, OffsetCommitRequestTopic};
use protocol::messages::offset_commit_response::{
    OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator;
use crate::group::Groups;
use crate::group::offset_commit::{Committed, Committer, OffsetToCommit};
use crate::metadata::image::ClusterImage;
use crate::shard::Shard;

const TOPIC_IDS_FROM_VERSION: i16 = 10;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: OffsetCommitRequest = call.request()?;
    let shard = &call.connection.shard;
    let version = call.header.api_version;
    let committer = Committer {
        group_id: request.group_id,
        member_id: request.member_id,
        group_instance_id: request.group_instance_id,
        generation_or_epoch: request.generation_id_or_member_epoch,
        version,
    };
    let mut offsets = Vec::new();
    let mut response = OffsetCommitResponse::default();
    for topic in request.topics {
        let topic = take_up(&shard.image(), topic, version, &mut offsets);
        response.topics.push(topic);
    }
    if !offsets.is_empty() {
        let count = offsets.len();
        let committed = commit(shard, committer, request.retention_time_ms, offsets).await;
        let outcomes = committed.unwrap_or_else(|error| vec![error; count]);
        fill_in(&mut response, &outcomes);
    }
    Ok(call.respond(&response))
}

/// Collects the offsets of partitions that exist; their places in the answer are filled in later.
fn take_up(
    image: &ClusterImage,
    topic: OffsetCommitRequestTopic,
    version: i16,
    offsets: &mut Vec<OffsetToCommit>,
) -> OffsetCommitResponseTopic {
    let (known, unknown) = if version >= TOPIC_IDS_FROM_VERSION {
        (image.topic_by_id(topic.topic_id), ErrorCode::UnknownTopicId)
    } else {
        let known = image.topic(&topic.name);
        (known, ErrorCode::UnknownTopicOrPartition)
    };
    let mut partitions = Vec::with_capacity(topic.partitions.len());
    for partition in topic.partitions {
        let partition_index = partition.partition_index;
        let error = match known {
            None => unknown,
            Some(known) if known.partition(partition_index).is_none() => {
                ErrorCode::UnknownTopicOrPartition
            }
            Some(known) => {
                offsets.push(OffsetToCommit {
                    topic: known.name.clone(),
                    topic_id: known.id,
                    partition: partition_index,
                    offset: partition.committed_offset,
                    leader_epoch: partition.committed_leader_epoch,
                    metadata: partition.committed_metadata,
                });
                ErrorCode::None
            }
        };
        partitions.push(OffsetCommitResponsePartition {
            partition_index,
            error_code: error.into(),
        });
    }
    OffsetCommitResponseTopic {
        name: topic.name,
        topic_id: topic.topic_id,
        partitions,
    }
}

async fn commit(
    shard: &Rc<Shard>,
    committer: Committer,
    retention_ms: i64,
    offsets: Vec<OffsetToCommit>,
) -> Committed {
    let place = coordinator::place_of::<Groups>(shard, &committer.group_id)?;
    let commit = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        let committed = groups.write(&shard, |groups, now| {
            groups.commit(&committer, retention_ms, offsets, now)
        });
        committed.await?
    };
    shard.ask(place.owner, commit).await
}

/// Puts the coordinator's outcomes where no error stands yet.
fn fill_in(response: &mut OffsetCommitResponse, outcomes: &[ErrorCode]) {
    let partitions = response.topics.iter_mut();
    let open = partitions
        .flat_map(|topic| &mut topic.partitions)
        .filter(|partition| partition.error_code == 0);
    for (partition, outcome) in open.zip(outcomes) {
        partition.error_code = (*outcome).into();
    }
}
