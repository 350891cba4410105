//! `TxnOffsetCommit` (28), versions 0-5: offsets of a group that count if the transaction commits.
//! Shell: the rules are in `group::offset_commit`.
//!
//! The records go into the group's partition of `__consumer_offsets` as a part of the transaction,
//! which must have that partition: added by `AddOffsetsToTxn`, or by this very request from
//! version 5 on (KIP-890).

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestTopic,
};
use protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator::machine::{Decision, Transaction};
use crate::coordinator::{Place, active, place_of};
use crate::group::Groups;
use crate::group::offset_commit::{Committed, Committer, OffsetToCommit};
use crate::metadata::image::{ClusterImage, GROUP_OFFSETS_TOPIC};
use crate::partition::Admission;
use crate::shard::Shard;
use crate::txn::admission::{Client, Entrance, admit};
use crate::txn::transaction::ProducerIdentity;

/// The transaction that the offsets belong to.
struct Within {
    transactional_id: String,
    producer: ProducerIdentity,
    client: Client,
}

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: TxnOffsetCommitRequest = call.request()?;
    let shard = &call.connection.shard;
    let version = call.header.api_version;
    let committer = Committer {
        group_id: request.group_id,
        member_id: request.member_id,
        group_instance_id: request.group_instance_id,
        generation_or_epoch: request.generation_id,
        version,
    };
    let within = Within {
        transactional_id: request.transactional_id,
        producer: ProducerIdentity {
            id: request.producer_id,
            epoch: request.producer_epoch,
        },
        client: Client::of_offset_commit(version),
    };
    let mut offsets = Vec::new();
    let mut response = TxnOffsetCommitResponse::default();
    for topic in request.topics {
        let topic = take_up(&shard.image(), topic, &mut offsets);
        response.topics.push(topic);
    }
    if !offsets.is_empty() {
        let count = offsets.len();
        let committed = commit(shard, committer, within, offsets).await;
        let outcomes = committed.unwrap_or_else(|error| vec![error; count]);
        fill_in(&mut response, &outcomes);
    }
    Ok(call.respond(&response))
}

/// Collects the offsets of partitions that exist; their places in the answer are filled in later.
fn take_up(
    image: &ClusterImage,
    topic: TxnOffsetCommitRequestTopic,
    offsets: &mut Vec<OffsetToCommit>,
) -> TxnOffsetCommitResponseTopic {
    let known = image.topic(&topic.name);
    let mut partitions = Vec::with_capacity(topic.partitions.len());
    for partition in topic.partitions {
        let partition_index = partition.partition_index;
        let known = known.filter(|known| known.partition(partition_index).is_some());
        let error = match known {
            None => ErrorCode::UnknownTopicOrPartition,
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
        partitions.push(TxnOffsetCommitResponsePartition {
            partition_index,
            error_code: error.into(),
        });
    }
    TxnOffsetCommitResponseTopic {
        name: topic.name,
        partitions,
    }
}

async fn commit(
    shard: &Rc<Shard>,
    committer: Committer,
    within: Within,
    offsets: Vec<OffsetToCommit>,
) -> Committed {
    if committer.group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let place = place_of::<Groups>(shard, &committer.group_id)?;
    let admission = admit_offsets(shard, place, &within).await;
    let admission = admission.map_err(in_a_commit)?;
    let transaction = Transaction {
        producer_id: within.producer.id,
        producer_epoch: within.producer.epoch,
    };
    let topic = shard
        .image()
        .topic(GROUP_OFFSETS_TOPIC)
        .map(|topic| topic.id);
    let id = (topic.ok_or(ErrorCode::NotCoordinator)?, place.index);
    let commit = move |owner: Rc<Shard>| async move {
        let groups = active::<Groups>(&owner, place.index).await?;
        let partition = owner.partition(id).await?;
        let committed = groups.write(&owner, |groups, now| {
            let (id, epoch) = (transaction.producer_id, transaction.producer_epoch);
            match partition.check_admission(id, epoch, admission) {
                Ok(()) => groups.commit_in_transaction(&committer, transaction, offsets, now),
                Err(error) => Decision::only(Err(error)),
            }
        });
        committed.await?
    };
    shard.ask(place.owner, commit).await
}

/// Lets the transaction into the group's partition of the internal topic.
async fn admit_offsets(
    shard: &Rc<Shard>,
    place: Place,
    within: &Within,
) -> Result<Admission, ErrorCode> {
    let image = shard.image();
    let topic = image
        .topic(GROUP_OFFSETS_TOPIC)
        .ok_or(ErrorCode::NotCoordinator)?;
    let entrance = Entrance {
        id: (topic.id, place.index),
        topic: GROUP_OFFSETS_TOPIC.into(),
        producer: within.producer,
    };
    let (id, client) = (&within.transactional_id, within.client);
    let admitted = admit(shard, id, vec![entrance], client).await;
    admitted
        .into_iter()
        .next()
        .unwrap_or(Err(ErrorCode::UnknownServerError))
}

/// What a producer may retry is called by another name here.
fn in_a_commit(error: ErrorCode) -> ErrorCode {
    if error == ErrorCode::NotEnoughReplicas {
        ErrorCode::CoordinatorNotAvailable
    } else {
        error
    }
}

/// Puts the coordinator's outcomes where no error stands yet.
fn fill_in(response: &mut TxnOffsetCommitResponse, outcomes: &[ErrorCode]) {
    let partitions = response.topics.iter_mut();
    let open = partitions
        .flat_map(|topic| &mut topic.partitions)
        .filter(|partition| partition.error_code == 0);
    for (partition, outcome) in open.zip(outcomes) {
        partition.error_code = (*outcome).into();
    }
}
