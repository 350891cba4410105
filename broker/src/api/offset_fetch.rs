//! `OffsetFetch` (9), versions 1-10. Shell: the rules are in `group::offset_fetch`.
//!
//! One hop for each group; version 8 asks about many. Version 10 names topics by id.

use std::rc::Rc;
use std::sync::Arc;

use protocol::error_code::ErrorCode;
use protocol::messages::offset_fetch_request::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use protocol::messages::offset_fetch_response::{
    OffsetFetchResponse, OffsetFetchResponseGroup, OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions, OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use protocol::types::Uuid;

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator;
use crate::group::Groups;
use crate::group::offset_fetch::{OffsetsFound, OffsetsWanted};
use crate::shard::Shard;

const GROUPS_FROM_VERSION: i16 = 8;
const TOPIC_IDS_FROM_VERSION: i16 = 10;
/// Before, an error of the whole group is told at every partition.
const GROUP_ERROR_FROM_VERSION: i16 = 2;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: OffsetFetchRequest = call.request()?;
    let shard = &call.connection.shard;
    let version = call.header.api_version;
    if version < GROUPS_FROM_VERSION {
        let response = answer_one(shard, request, version).await;
        return Ok(call.respond(&response));
    }
    let mut response = OffsetFetchResponse::default();
    for group in request.groups {
        let answered = answer_group(shard, group, request.require_stable, version).await;
        response.groups.push(answered);
    }
    Ok(call.respond(&response))
}

/// The form with one group.
async fn answer_one(
    shard: &Rc<Shard>,
    request: OffsetFetchRequest,
    version: i16,
) -> OffsetFetchResponse {
    let group = OffsetFetchRequestGroup {
        group_id: request.group_id,
        topics: request
            .topics
            .map(|topics| topics.into_iter().map(batched).collect()),
        ..Default::default()
    };
    let answered = answer_group(shard, group, request.require_stable, version).await;
    let error_code = answered.error_code;
    let mut response = OffsetFetchResponse {
        topics: answered.topics.into_iter().map(single).collect(),
        error_code,
        ..Default::default()
    };
    if version < GROUP_ERROR_FROM_VERSION && error_code != 0 {
        let partitions = response.topics.iter_mut();
        for partition in partitions.flat_map(|topic| &mut topic.partitions) {
            partition.error_code = error_code;
        }
    }
    response
}

async fn answer_group(
    shard: &Rc<Shard>,
    group: OffsetFetchRequestGroup,
    require_stable: bool,
    version: i16,
) -> OffsetFetchResponseGroup {
    let mut unknown = Vec::new();
    let wanted = OffsetsWanted {
        group_id: group.group_id.clone(),
        member_id: group.member_id.clone(),
        member_epoch: group.member_epoch,
        topics: group.topics.as_ref().map(|topics| {
            let topics = topics.iter();
            topics
                .filter_map(|topic| named(shard, topic, version, &mut unknown))
                .collect()
        }),
        require_stable,
    };
    let asked = group.topics;
    let mut answered = OffsetFetchResponseGroup {
        group_id: group.group_id,
        ..Default::default()
    };
    match fetch(shard, wanted).await {
        Ok(found) => {
            answered.topics = found
                .into_iter()
                .filter_map(|found| topic_found(shard, found, version))
                .chain(unknown)
                .collect();
        }
        Err(error) => {
            answered.error_code = error.into();
            // only the oldest version has nowhere else to say it
            if version < GROUP_ERROR_FROM_VERSION {
                let asked = asked.into_iter().flatten();
                answered.topics = asked.map(|topic| without_offsets(&topic, error)).collect();
            }
        }
    }
    answered
}

async fn fetch(shard: &Rc<Shard>, wanted: OffsetsWanted) -> Result<OffsetsFound, ErrorCode> {
    let place = coordinator::place_of::<Groups>(shard, &wanted.group_id)?;
    let fetch = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        groups.read(&shard, |groups| groups.fetch(wanted)).await?
    };
    shard.ask(place.owner, fetch).await
}

/// The topic by name; one whose id is not known is answered at once.
fn named(
    shard: &Shard,
    topic: &OffsetFetchRequestTopics,
    version: i16,
    unknown: &mut Vec<OffsetFetchResponseTopics>,
) -> Option<(Arc<str>, Vec<i32>)> {
    if version < TOPIC_IDS_FROM_VERSION {
        return Some((topic.name.as_str().into(), topic.partition_indexes.clone()));
    }
    match shard.image().topic_by_id(topic.topic_id) {
        Some(known) => Some((Arc::clone(&known.name), topic.partition_indexes.clone())),
        None => {
            unknown.push(without_offsets(topic, ErrorCode::UnknownTopicId));
            None
        }
    }
}

/// `None` for a topic that has no id any more where ids are asked for.
fn topic_found(
    shard: &Shard,
    (name, found): (Arc<str>, Vec<crate::group::offset_fetch::OffsetFound>),
    version: i16,
) -> Option<OffsetFetchResponseTopics> {
    let topic_id = if version < TOPIC_IDS_FROM_VERSION {
        Uuid::ZERO
    } else {
        shard.image().topic(&name)?.id
    };
    let partitions = found
        .into_iter()
        .map(|found| OffsetFetchResponsePartitions {
            partition_index: found.partition,
            committed_offset: found.offset,
            committed_leader_epoch: found.leader_epoch,
            metadata: Some(found.metadata),
            error_code: found.error.into(),
        });
    Some(OffsetFetchResponseTopics {
        name: name.as_ref().to_owned(),
        topic_id,
        partitions: partitions.collect(),
    })
}

fn without_offsets(
    topic: &OffsetFetchRequestTopics,
    error: ErrorCode,
) -> OffsetFetchResponseTopics {
    let partitions = topic
        .partition_indexes
        .iter()
        .map(|index| OffsetFetchResponsePartitions {
            partition_index: *index,
            committed_offset: -1,
            committed_leader_epoch: -1,
            metadata: Some(String::new()),
            error_code: error.into(),
        });
    OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions.collect(),
    }
}

fn batched(topic: OffsetFetchRequestTopic) -> OffsetFetchRequestTopics {
    OffsetFetchRequestTopics {
        name: topic.name,
        topic_id: Uuid::ZERO,
        partition_indexes: topic.partition_indexes,
    }
}

fn single(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partitions = topic.partitions.into_iter();
    let partitions = partitions.map(|partition| OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    });
    OffsetFetchResponseTopic {
        name: topic.name,
        partitions: partitions.collect(),
    }
}
