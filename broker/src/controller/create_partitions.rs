//! `CreatePartitions`: more partitions for existing topics.
//! Owns its rules, in the order in which Kafka asks them. Pure.

use std::collections::HashSet;

use protocol::error_code::ErrorCode;
use protocol::messages::create_partitions_request::{
    CreatePartitionsRequest, CreatePartitionsTopic,
};
use protocol::messages::create_partitions_response::{
    CreatePartitionsResponse, CreatePartitionsTopicResult,
};

use crate::controller::{OPERATION_RECORDS_MAX, Outcome, Random, Refusal, TopicLimits, placement};
use crate::metadata::image::{ClusterImage, TopicImage};
use crate::metadata::records::MetadataRecord;

pub(crate) fn create_partitions(
    image: &ClusterImage,
    request: &CreatePartitionsRequest,
    limits: &TopicLimits,
    random: Random<'_>,
) -> Outcome<CreatePartitionsResponse> {
    let mut seen = HashSet::new();
    let repeated: HashSet<&str> = request
        .topics
        .iter()
        .map(|topic| topic.name.as_str())
        .filter(|name| !seen.insert(*name))
        .collect();
    let mut answered = HashSet::new();
    let mut records = Vec::new();
    let mut results = Vec::new();
    for topic in &request.topics {
        if !answered.insert(topic.name.as_str()) {
            continue;
        }
        let grown = if repeated.contains(topic.name.as_str()) {
            Err(Refusal::new(
                ErrorCode::InvalidRequest,
                "Duplicate topic name.",
            ))
        } else {
            grow_topic(image, topic, limits, records.len(), random)
        };
        let refusal = match grown {
            Ok(mut partitions) => {
                records.append(&mut partitions);
                Refusal::silent(ErrorCode::None)
            }
            Err(refusal) => refusal,
        };
        results.push(CreatePartitionsTopicResult {
            name: topic.name.clone(),
            error_code: refusal.code.code(),
            error_message: refusal.message,
        });
    }
    if request.validate_only {
        records.clear();
    }
    (
        records,
        CreatePartitionsResponse {
            results,
            ..Default::default()
        },
    )
}

fn grow_topic(
    image: &ClusterImage,
    request: &CreatePartitionsTopic,
    limits: &TopicLimits,
    records: usize,
    random: Random<'_>,
) -> Result<Vec<MetadataRecord>, Refusal> {
    let Some(topic) = image.topic(&request.name) else {
        return Err(Refusal::silent(ErrorCode::UnknownTopicOrPartition));
    };
    let existing = topic.partition_count();
    let additional = additional_partitions(existing, request)?;
    if additional > OPERATION_RECORDS_MAX - records {
        return Err(Refusal::too_large());
    }
    let partitions = image.topics.partition_count() + records + additional;
    limits.check(
        image.topics.len(),
        partitions,
        topic.partitions.len() + additional,
    )?;
    let replicas = replicas(image, topic, request, additional, random)?;
    let mut grown = Vec::with_capacity(additional);
    for (partition_id, replicas) in (existing..).zip(&replicas) {
        let record = placement::new_partition(image, topic.id, partition_id, replicas)?;
        grown.push(record.into());
    }
    Ok(grown)
}

fn additional_partitions(existing: i32, request: &CreatePartitionsTopic) -> Result<usize, Refusal> {
    let CreatePartitionsTopic {
        name,
        count,
        assignments,
    } = request;
    let invalid = |text| Err(Refusal::new(ErrorCode::InvalidPartitions, text));
    if *count == existing {
        return invalid(format!("Topic already has {existing} partition(s)."));
    }
    if *count < existing {
        return invalid(format!(
            "The topic {name} currently has {existing} partition(s); {count} would not be an \
             increase."
        ));
    }
    let additional = usize::try_from(count - existing).unwrap_or(0);
    match assignments {
        Some(assignments) if assignments.len() != additional => {
            let text = format!(
                "Attempted to add {additional} additional partition(s), but only {} \
                 assignment(s) were specified.",
                assignments.len()
            );
            Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, text))
        }
        _ => Ok(additional),
    }
}

fn replicas(
    image: &ClusterImage,
    topic: &TopicImage,
    request: &CreatePartitionsTopic,
    additional: usize,
    random: Random<'_>,
) -> Result<Vec<Vec<i32>>, Refusal> {
    let factor = topic
        .partitions
        .first()
        .map_or(1, |partition| partition.replicas.len());
    let Some(assignments) = &request.assignments else {
        let factor = i16::try_from(factor).unwrap_or(i16::MAX);
        return placement::place(image, topic.partitions.len(), additional, factor, random);
    };
    let mut replicas = Vec::with_capacity(assignments.len());
    for assignment in assignments {
        placement::validate_manual(image, &assignment.broker_ids, Some(factor))?;
        replicas.push(assignment.broker_ids.clone());
    }
    Ok(replicas)
}
