//! Requests and batches: honest ones to start from, and the means to write broken ones.

use bytes::Bytes;
use protocol::api_key::ApiKey;
use protocol::codec::Writer;
use protocol::messages::create_topics_request::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use protocol::messages::fetch_request::{FetchPartition, FetchRequest, FetchTopic};
use protocol::messages::produce_request::{PartitionProduceData, ProduceRequest, TopicProduceData};
use protocol::records::{BatchBuilder, BatchOptions};

/// A key and a value; either may be null.
pub(crate) type KeyValue<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// A frame with its length in front.
pub(crate) fn framed(frame: &[u8]) -> Vec<u8> {
    let length = i32::try_from(frame.len()).unwrap();
    [&length.to_be_bytes()[..], frame].concat()
}

/// A request's header without tags: key, version, correlation id 1, client id "x".
pub(crate) fn header(key: i16, version: i16) -> Writer {
    let mut writer = Writer::new();
    writer.i16(key);
    writer.i16(version);
    writer.i32(1);
    writer.string("x");
    writer
}

/// A frame: the header that belongs to this API and version, then a body.
pub(crate) fn request(key: ApiKey, version: i16, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = header(key.code(), version);
    if key.is_flexible(version) {
        writer.empty_tagged_fields();
    }
    body(&mut writer);
    writer.as_slice().to_vec()
}

/// An `ApiVersions` request of version 0: the smallest there is.
pub(crate) fn api_versions() -> Vec<u8> {
    request(ApiKey::ApiVersions, 0, |_| {})
}

pub(crate) fn create_topic(
    name: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) -> CreateTopicsRequest {
    let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
    };
    let topic = CreatableTopic {
        name: name.to_owned(),
        num_partitions: partitions,
        replication_factor: 1,
        configs: configs.iter().map(config).collect(),
        ..CreatableTopic::default()
    };
    CreateTopicsRequest {
        topics: vec![topic],
        ..CreateTopicsRequest::default()
    }
}

/// A Produce request with these records for the partitions of one topic.
pub(crate) fn produce(
    topic: &str,
    acks: i16,
    partitions: Vec<(i32, Option<Bytes>)>,
) -> ProduceRequest {
    let partition = |(index, records)| PartitionProduceData { index, records };
    let topic = TopicProduceData {
        name: topic.to_owned(),
        partition_data: partitions.into_iter().map(partition).collect(),
        ..TopicProduceData::default()
    };
    let mut request = ProduceRequest {
        acks,
        ..ProduceRequest::default()
    };
    request.topic_data = vec![topic];
    request.timeout_ms = 10_000;
    request
}

/// A Fetch of partition 0 of a topic, that does not wait.
pub(crate) fn fetch(topic: &str, offset: i64) -> FetchRequest {
    let partition = FetchPartition {
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..fetch_partition(0)
    };
    FetchRequest {
        max_bytes: 50 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![partition],
            ..FetchTopic::default()
        }],
        ..empty_fetch()
    }
}

/// A Fetch of nothing.
pub(crate) fn empty_fetch() -> FetchRequest {
    FetchRequest {
        replica_id: -1,
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 1 << 20,
        ..FetchRequest::default()
    }
}

/// A partition from its start on.
pub(crate) fn fetch_partition(partition: i32) -> FetchPartition {
    FetchPartition {
        partition,
        current_leader_epoch: -1,
        fetch_offset: 0,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    }
}

/// A valid batch of records of now.
pub(crate) fn batch(records: &[KeyValue<'_>]) -> Bytes {
    batch_with(BatchOptions::default(), records)
}

/// As [`batch`], with these options.
pub(crate) fn batch_with(options: BatchOptions, records: &[KeyValue<'_>]) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for (key, value) in records {
        builder.append(now_ms(), *key, *value, &[]);
    }
    builder.build()
}

#[expect(
    clippy::disallowed_methods,
    reason = "records carry the time of their client"
)]
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}
