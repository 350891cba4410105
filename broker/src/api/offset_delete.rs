//! `OffsetDelete` (47), version 0. Shell: the rules are in `group::delete`.
//!
//! Partitions that do not exist are refused here; the rest makes one hop to the group's coordinator.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::offset_delete_request::{OffsetDeleteRequest, OffsetDeleteRequestTopic};
use protocol::messages::offset_delete_response::{
    OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator;
use crate::group::Groups;
use crate::group::delete::OffsetsToDelete;
use crate::metadata::image::ClusterImage;
use crate::shard::Shard;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: OffsetDeleteRequest = call.request()?;
    let shard = &call.connection.shard;
    let mut response = OffsetDeleteResponse::default();
    let mut wanted = OffsetsToDelete::new();
    for topic in request.topics {
        let answered = take_up(&shard.image(), topic, &mut wanted);
        response.topics.push(answered);
    }
    match delete(shard, request.group_id, wanted).await {
        Ok(outcomes) => {
            let partitions = response.topics.iter_mut();
            let open = partitions
                .flat_map(|topic| &mut topic.partitions)
                .filter(|partition| partition.error_code == 0);
            for (partition, outcome) in open.zip(outcomes) {
                partition.error_code = outcome.into();
            }
        }
        Err(error) => {
            response.error_code = error.into();
            response.topics.clear();
        }
    }
    Ok(call.respond(&response))
}

/// Collects the partitions that exist.
fn take_up(
    image: &ClusterImage,
    topic: OffsetDeleteRequestTopic,
    wanted: &mut OffsetsToDelete,
) -> OffsetDeleteResponseTopic {
    let known = image.topic(&topic.name);
    let mut exist = Vec::new();
    let partitions = topic.partitions.iter().map(|partition| {
        let partition_index = partition.partition_index;
        let exists = known.is_some_and(|known| known.partition(partition_index).is_some());
        let error = if exists {
            exist.push(partition_index);
            ErrorCode::None
        } else {
            ErrorCode::UnknownTopicOrPartition
        };
        OffsetDeleteResponsePartition {
            partition_index,
            error_code: error.into(),
        }
    });
    let partitions = partitions.collect();
    wanted.push((topic.name.clone(), exist));
    OffsetDeleteResponseTopic {
        name: topic.name,
        partitions,
    }
}

async fn delete(
    shard: &Rc<Shard>,
    group_id: String,
    wanted: OffsetsToDelete,
) -> Result<Vec<ErrorCode>, ErrorCode> {
    if group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let place = coordinator::place_of::<Groups>(shard, &group_id)?;
    let delete = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        let deleted = groups.write(&shard, |groups, _| {
            groups.delete_offsets(&group_id, &wanted)
        });
        deleted.await?
    };
    shard.ask(place.owner, delete).await
}
