//! `WriteTxnMarkers` (27), versions 1-2: ends transactions in partitions, whatever their
//! coordinator thinks. What an operator uses to abort a hanging transaction.
//!
//! Version 2 says by which version of transactions the epoch of a marker is to be judged.

use protocol::error_code::ErrorCode;
use protocol::messages::write_txn_markers_request::{WritableTxnMarker, WriteTxnMarkersRequest};
use protocol::messages::write_txn_markers_response::{
    WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
    WriteTxnMarkersResponse,
};
use storage::log::transactions::{Marker, TransactionEnd};

use crate::api::{Call, CloseReason, Outcome};
use crate::metadata::image::ClusterImage;
use crate::partition::table::PartitionId;
use crate::txn::markers;

/// From this version of transactions on each marker bumps the epoch (KIP-890).
const BUMPS_EPOCH_FROM_VERSION: i8 = 2;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: WriteTxnMarkersRequest = call.request()?;
    let shard = &call.connection.shard;
    let image = shard.image();
    let (mut places, mut wanted) = (Vec::new(), Vec::new());
    let mut response = WriteTxnMarkersResponse::default();
    for (result, asked) in request.markers.iter().enumerate() {
        let mut topics = Vec::with_capacity(asked.topics.len());
        for (topic, asked_topic) in asked.topics.iter().enumerate() {
            let mut partitions = Vec::with_capacity(asked_topic.partition_indexes.len());
            for index in &asked_topic.partition_indexes {
                let mut answered = WritableTxnMarkerPartitionResult {
                    partition_index: *index,
                    error_code: ErrorCode::UnknownTopicOrPartition.into(),
                };
                if let Some(id) = find(&image, &asked_topic.name, *index) {
                    // replaced when the owner has answered; nobody is to mark what has no producer
                    answered.error_code = ErrorCode::UnknownServerError.into();
                    if asked.producer_id >= 0 && asked.producer_epoch >= 0 {
                        places.push((result, topic, partitions.len()));
                        wanted.push((id, marker(asked)));
                    }
                }
                partitions.push(answered);
            }
            topics.push(WritableTxnMarkerTopicResult {
                name: asked_topic.name.clone(),
                partitions,
            });
        }
        response.markers.push(WritableTxnMarkerResult {
            producer_id: asked.producer_id,
            topics,
        });
    }
    let written = markers::write(shard, wanted).await;
    for ((result, topic, partition), written) in places.into_iter().zip(written) {
        let answered = &mut response.markers[result].topics[topic].partitions[partition];
        answered.error_code = written.err().unwrap_or(ErrorCode::None).into();
    }
    Ok(call.respond(&response))
}

fn find(image: &ClusterImage, topic: &str, index: i32) -> Option<PartitionId> {
    let topic = image.topic(topic)?;
    topic.partition(index)?;
    Some((topic.id, index))
}

fn marker(asked: &WritableTxnMarker) -> Marker {
    Marker {
        producer_id: asked.producer_id,
        producer_epoch: asked.producer_epoch,
        end: TransactionEnd {
            committed: asked.transaction_result,
            coordinator_epoch: asked.coordinator_epoch,
        },
        bumps_epoch: asked.transaction_version >= BUMPS_EPOCH_FROM_VERSION,
    }
}
