//! `CreateTopics`: every rule of it, for all topics of a request.
//! Owns the order in which the rules are asked, which decides the error that a client sees. Pure.
//! A topic's records are its `TopicRecord`, its configuration, its partitions, in this order.

use std::collections::{BTreeMap, HashSet};

use protocol::error_code::ErrorCode;
use protocol::messages::create_topics_request::{CreatableTopic, CreateTopicsRequest};
use protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult, CreateTopicsResponse,
};
use protocol::messages::metadata::config_record::ConfigRecord;
use protocol::messages::metadata::partition_record::PartitionRecord;
use protocol::messages::metadata::topic_record::TopicRecord;
use protocol::types::Uuid;

use crate::controller::{
    ControllerSettings, OPERATION_RECORDS_MAX, Outcome, Random, Refusal, placement, topic_names,
};
use crate::metadata::config_catalog::check_values;
use crate::metadata::image::{ClusterImage, ConfigMap, METADATA_TOPIC, ResourceType};
use crate::metadata::records::MetadataRecord;

/// The values of a request field that ask for the broker's default.
const DEFAULT: i32 = -1;

/// What the creation of one topic comes to.
struct NewTopic {
    id: Uuid,
    configs: ConfigMap,
    partitions: Vec<PartitionRecord>,
    replication_factor: i16,
}

pub(crate) fn create_topics(
    image: &ClusterImage,
    request: &CreateTopicsRequest,
    settings: &ControllerSettings,
    random: Random<'_>,
) -> Outcome<CreateTopicsResponse> {
    if requested_partitions(request, settings) > OPERATION_RECORDS_MAX {
        let text = "Excessively large number of partitions per request.";
        return refuse_all(request, &Refusal::new(ErrorCode::PolicyViolation, text));
    }
    let repeated = repeated_names(request);
    let mut answered = HashSet::new();
    let mut records = Vec::new();
    let mut response = CreateTopicsResponse::default();
    let (mut topics, mut partitions) = (image.topics.len(), image.topics.partition_count());
    for topic in &request.topics {
        if !answered.insert(topic.name.as_str()) {
            continue;
        }
        let created = if repeated.contains(topic.name.as_str()) {
            Err(Refusal::new(
                ErrorCode::InvalidRequest,
                "Duplicate topic name.",
            ))
        } else {
            create_topic(image, topic, settings, random).and_then(|created| {
                let of_topic = created.partitions.len();
                settings
                    .limits
                    .check(topics + 1, partitions + of_topic, of_topic)?;
                (topics, partitions) = (topics + 1, partitions + of_topic);
                Ok(created)
            })
        };
        response.topics.push(match created {
            Ok(created) => {
                let result = success(image, topic, &created, settings);
                push_records(&mut records, topic, created);
                result
            }
            Err(refusal) => failure(&topic.name, &refusal),
        });
    }
    if records.len() > OPERATION_RECORDS_MAX {
        return refuse_all(request, &Refusal::too_large());
    }
    if request.validate_only {
        records.clear();
    }
    (records, response)
}

fn requested_partitions(request: &CreateTopicsRequest, settings: &ControllerSettings) -> usize {
    let of_topic = |topic: &CreatableTopic| match topic.num_partitions {
        _ if !topic.assignments.is_empty() => topic.assignments.len(),
        DEFAULT => usize::try_from(settings.num_partitions).unwrap_or(0),
        count => usize::try_from(count).unwrap_or(0),
    };
    request
        .topics
        .iter()
        .map(of_topic)
        .fold(0, usize::saturating_add)
}

fn repeated_names(request: &CreateTopicsRequest) -> HashSet<&str> {
    let mut seen = HashSet::new();
    request
        .topics
        .iter()
        .map(|topic| topic.name.as_str())
        .filter(|name| !seen.insert(*name))
        .collect()
}

fn refuse_all(request: &CreateTopicsRequest, refusal: &Refusal) -> Outcome<CreateTopicsResponse> {
    let topics = request
        .topics
        .iter()
        .map(|topic| failure(&topic.name, refusal))
        .collect();
    (
        Vec::new(),
        CreateTopicsResponse {
            topics,
            ..Default::default()
        },
    )
}

fn create_topic(
    image: &ClusterImage,
    topic: &CreatableTopic,
    settings: &ControllerSettings,
    random: Random<'_>,
) -> Result<NewTopic, Refusal> {
    check_name(image, &topic.name)?;
    let configs = check_configs(topic)?;
    let id = new_topic_id(random);
    let replicas = if topic.assignments.is_empty() {
        automatic_replicas(image, topic, settings, random)?
    } else {
        manual_replicas(image, topic)?
    };
    let replication_factor = replicas.first().map_or(0, Vec::len);
    let mut partitions = Vec::with_capacity(replicas.len());
    for (partition_id, replicas) in (0_i32..).zip(&replicas) {
        partitions.push(placement::new_partition(image, id, partition_id, replicas)?);
    }
    let replication_factor = i16::try_from(replication_factor).map_err(|_| {
        let text = format!(
            "Invalid replication factor {replication_factor}: expected a number equal to less \
             than 32767"
        );
        Refusal::new(ErrorCode::InvalidReplicationFactor, text)
    })?;
    Ok(NewTopic {
        id,
        configs,
        partitions,
        replication_factor,
    })
}

fn check_name(image: &ClusterImage, name: &str) -> Result<(), Refusal> {
    if name == METADATA_TOPIC {
        let text = "Creation of internal topic __cluster_metadata is prohibited.";
        return Err(Refusal::new(ErrorCode::InvalidRequest, text));
    }
    topic_names::validate(name)?;
    if image.topic(name).is_some() {
        let text = format!("Topic '{name}' already exists.");
        return Err(Refusal::new(ErrorCode::TopicAlreadyExists, text));
    }
    match topic_names::colliding(image, name) {
        None => Ok(()),
        Some(other) => {
            let text = format!(
                "Topic '{name}' collides with existing topic: {}",
                other.name
            );
            Err(Refusal::new(ErrorCode::InvalidTopicException, text))
        }
    }
}

/// The topic's own configuration; of a key given twice the last one counts.
fn check_configs(topic: &CreatableTopic) -> Result<ConfigMap, Refusal> {
    let mut configs = ConfigMap::new();
    let mut without_value = Vec::new();
    for config in &topic.configs {
        match &config.value {
            Some(value) => drop(configs.insert(config.name.clone(), value.clone())),
            None => without_value.push(config.name.as_str()),
        }
    }
    if !without_value.is_empty() {
        let text = format!(
            "Null value not supported for topic configs: {}",
            without_value.join(",")
        );
        return Err(Refusal::new(ErrorCode::InvalidConfig, text));
    }
    check_values(ResourceType::Topic, &configs)
        .map_err(|text| Refusal::new(ErrorCode::InvalidConfig, text))?;
    Ok(configs)
}

fn automatic_replicas(
    image: &ClusterImage,
    topic: &CreatableTopic,
    settings: &ControllerSettings,
    random: Random<'_>,
) -> Result<Vec<Vec<i32>>, Refusal> {
    if topic.replication_factor < -1 || topic.replication_factor == 0 {
        let text = "Replication factor must be larger than 0, or -1 to use the default value.";
        return Err(Refusal::new(ErrorCode::InvalidReplicationFactor, text));
    }
    if topic.num_partitions < DEFAULT || topic.num_partitions == 0 {
        let text = "Number of partitions was set to an invalid non-positive value.";
        return Err(Refusal::new(ErrorCode::InvalidPartitions, text));
    }
    let count = if topic.num_partitions == DEFAULT {
        settings.num_partitions
    } else {
        topic.num_partitions
    };
    let factor = match topic.replication_factor {
        -1 => settings.default_replication_factor,
        factor => factor,
    };
    let count = usize::try_from(count).unwrap_or(0);
    placement::place(image, 0, count, factor, random)
}

fn manual_replicas(image: &ClusterImage, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, Refusal> {
    let inconsistent = |field: &str| {
        let text =
            format!("A manual partition assignment was specified, but {field} was not set to -1.");
        Err(Refusal::new(ErrorCode::InvalidRequest, text))
    };
    if topic.replication_factor != -1 {
        return inconsistent("replication factor");
    }
    if topic.num_partitions != DEFAULT {
        return inconsistent("numPartitions");
    }
    let mut by_partition = BTreeMap::new();
    let mut factor = None;
    for assignment in &topic.assignments {
        let partition = assignment.partition_index;
        if by_partition.contains_key(&partition) {
            let text =
                format!("Found multiple manual partition assignments for partition {partition}");
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, text));
        }
        placement::validate_manual(image, &assignment.broker_ids, factor)?;
        factor = Some(assignment.broker_ids.len());
        by_partition.insert(partition, assignment.broker_ids.clone());
    }
    if (0_i32..)
        .zip(by_partition.keys())
        .any(|(expected, partition)| expected != *partition)
    {
        let text = "partitions should be a consecutive 0-based integer sequence";
        return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, text));
    }
    Ok(by_partition.into_values().collect())
}

/// A version-4 id; those whose text begins with a dash are left out, for command lines' sake.
fn new_topic_id(random: Random<'_>) -> Uuid {
    loop {
        let bits = (u128::from(random()) << 64) | u128::from(random());
        let version_4 = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let id = Uuid::from_u128(version_4);
        if !id.to_string().starts_with('-') {
            return id;
        }
    }
}

fn push_records(records: &mut Vec<MetadataRecord>, topic: &CreatableTopic, created: NewTopic) {
    records.push(
        TopicRecord {
            name: topic.name.clone(),
            topic_id: created.id,
        }
        .into(),
    );
    for (name, value) in created.configs {
        let record = ConfigRecord {
            resource_type: ResourceType::Topic.code(),
            resource_name: topic.name.clone(),
            name,
            value: Some(value),
        };
        records.push(record.into());
    }
    records.extend(created.partitions.into_iter().map(MetadataRecord::from));
}

fn success(
    image: &ClusterImage,
    topic: &CreatableTopic,
    created: &NewTopic,
    settings: &ControllerSettings,
) -> CreatableTopicResult {
    let effective = settings
        .catalog
        .effective_topic(image, settings.node_id, &created.configs);
    let configs = effective.into_iter().map(|entry| CreatableTopicConfigs {
        name: entry.setting.name.to_owned(),
        value: entry.value,
        read_only: false,
        config_source: entry.source.wire_code(),
        is_sensitive: entry.setting.is_sensitive(),
    });
    CreatableTopicResult {
        name: topic.name.clone(),
        topic_id: created.id,
        num_partitions: i32::try_from(created.partitions.len()).unwrap_or(i32::MAX),
        replication_factor: created.replication_factor,
        error_message: None,
        configs: Some(configs.collect()),
        ..Default::default()
    }
}

fn failure(name: &str, refusal: &Refusal) -> CreatableTopicResult {
    CreatableTopicResult {
        name: name.to_owned(),
        error_code: refusal.code.code(),
        error_message: refusal.message.clone(),
        configs: Some(Vec::new()),
        ..Default::default()
    }
}
