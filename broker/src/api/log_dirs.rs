//! `DescribeLogDirs` (35), versions 1-5: the one data directory, with the size of every partition.
//! `AlterReplicaLogDirs` (34), versions 1-2: there is no other directory to move a replica to.
//!
//! Sizes come from the owners, one hop to each: a log knows bytes that are not in its files yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::alter_replica_log_dirs_request::AlterReplicaLogDirsRequest;
use protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult, AlterReplicaLogDirsResponse,
};
use protocol::messages::describe_log_dirs_request::DescribeLogDirsRequest;
use protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResponse, DescribeLogDirsResult, DescribeLogDirsTopic,
};

use crate::api::{Call, CloseReason, Outcome};
use crate::limits::directory::{Volume, volume};
use crate::metadata::image::ClusterImage;
use crate::partition::table::PartitionId;
use crate::shard::Shard;
use crate::shard::owners::ask_owners;

pub(crate) async fn describe(call: Call) -> Result<Outcome, CloseReason> {
    let request: DescribeLogDirsRequest = call.request()?;
    let shard = &call.connection.shard;
    let image = shard.image();
    let asked = asked(&image, &request);
    let questions = asked.iter().map(|(_, _, id)| (*id, ())).collect();
    let sizes = ask_owners(shard, questions, size).await;
    let mut topics: BTreeMap<&str, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for ((topic, partition_index, _), size) in asked.into_iter().zip(sizes) {
        // one that cannot be opened is not in the directory, for what this can tell
        let Some(size) = size else { continue };
        let partition = DescribeLogDirsPartition {
            partition_index,
            partition_size: i64::try_from(size).unwrap_or(i64::MAX),
            ..Default::default()
        };
        topics.entry(topic).or_default().push(partition);
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| DescribeLogDirsTopic {
            name: name.to_owned(),
            partitions,
        });
    Ok(call.respond(&DescribeLogDirsResponse {
        results: vec![result(&directory(shard), topics.collect())],
        ..Default::default()
    }))
}

/// The partitions asked for that exist, each once; null asks for all.
fn asked<'a>(
    image: &'a ClusterImage,
    request: &DescribeLogDirsRequest,
) -> Vec<(&'a str, i32, PartitionId)> {
    let all_of = |topic| {
        0..image
            .topic(topic)
            .map_or(0, |topic| topic.partition_count())
    };
    let wanted: BTreeMap<&str, BTreeSet<i32>> = match &request.topics {
        None => (image.topics.iter())
            .map(|topic| (&*topic.name, all_of(&topic.name).collect()))
            .collect(),
        Some(topics) => {
            let mut wanted: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
            for topic in topics {
                let partitions = wanted.entry(&topic.topic).or_default();
                partitions.extend(&topic.partitions);
            }
            wanted
        }
    };
    let mut asked = Vec::new();
    for (name, partitions) in wanted {
        let Some(topic) = image.topic(name) else {
            continue;
        };
        let exist = (partitions.into_iter()).filter(|index| topic.partition(*index).is_some());
        asked.extend(exist.map(|index| (&*topic.name, index, (topic.id, index))));
    }
    asked
}

/// Runs on the owner.
async fn size(shard: Rc<Shard>, id: PartitionId, (): ()) -> Option<u64> {
    let partition = shard.partition(id).await.ok()?;
    Some(partition.log().size_bytes())
}

fn result(directory: &Path, topics: Vec<DescribeLogDirsTopic>) -> DescribeLogDirsResult {
    let Volume {
        total_bytes,
        usable_bytes,
    } = volume(directory).unwrap_or_default();
    DescribeLogDirsResult {
        log_dir: directory.display().to_string(),
        topics,
        total_bytes: i64::try_from(total_bytes).unwrap_or(i64::MAX),
        usable_bytes: i64::try_from(usable_bytes).unwrap_or(i64::MAX),
        ..Default::default()
    }
}

/// As Kafka names it: absolute.
fn directory(shard: &Shard) -> PathBuf {
    let configured = &shard.settings.data_dir;
    std::path::absolute(configured).unwrap_or_else(|_| configured.clone())
}

pub(crate) fn alter(call: &Call) -> Result<Outcome, CloseReason> {
    let request: AlterReplicaLogDirsRequest = call.request()?;
    let shard = &call.connection.shard;
    let (image, own) = (shard.image(), directory(shard));
    let mut codes: BTreeMap<&str, BTreeMap<i32, ErrorCode>> = BTreeMap::new();
    for dir in &request.dirs {
        let is_own = Path::new(&dir.path) == own;
        for topic in &dir.topics {
            let of_topic = codes.entry(&topic.name).or_default();
            for index in &topic.partitions {
                of_topic.insert(*index, move_to(&image, is_own, &topic.name, *index));
            }
        }
    }
    let results = codes
        .into_iter()
        .map(|(name, codes)| AlterReplicaLogDirTopicResult {
            topic_name: name.to_owned(),
            partitions: (codes.into_iter())
                .map(
                    |(partition_index, code)| AlterReplicaLogDirPartitionResult {
                        partition_index,
                        error_code: code.code(),
                    },
                )
                .collect(),
        });
    Ok(call.respond(&AlterReplicaLogDirsResponse {
        results: results.collect(),
        ..Default::default()
    }))
}

/// A replica that is asked to go where it is stays there.
fn move_to(image: &ClusterImage, is_own: bool, topic: &str, partition: i32) -> ErrorCode {
    let exists = || {
        image
            .topic(topic)
            .is_some_and(|topic| topic.partition(partition).is_some())
    };
    match is_own {
        false => ErrorCode::LogDirNotFound,
        true if !exists() => ErrorCode::UnknownTopicOrPartition,
        true => ErrorCode::None,
    }
}
