//! Settings that change while the broker runs, seen from a client: topics and the broker's own
//! defaults take effect on the next request, without a restart.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use protocol::codec::{Message, Reader, Request, Writer};
use protocol::error_code::ErrorCode;
use protocol::frame::{RequestHeader, ResponseHeader};
use protocol::messages::create_topics_request::{CreatableTopic, CreateTopicsRequest};
use protocol::messages::describe_configs_request::{
    DescribeConfigsRequest, DescribeConfigsResource,
};
use protocol::messages::describe_log_dirs_request::DescribeLogDirsRequest;
use protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use protocol::messages::produce_request::{PartitionProduceData, ProduceRequest, TopicProduceData};
use protocol::messages::produce_response::PartitionProduceResponse;
use protocol::records::{BatchBuilder, BatchOptions};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);
const TOPIC_RESOURCE: i8 = 2;
const BROKER_RESOURCE: i8 = 4;
const LOGGER_RESOURCE: i8 = 8;
/// Kafka's numbers of where a value comes from.
const DYNAMIC_TOPIC: i8 = 1;
const DEFAULT: i8 = 5;

struct Broker {
    process: Child,
    folder: TempDir,
    client: TcpStream,
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Broker {
    /// With a topic `t` of one partition.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let output = File::create(&log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
        command
            .env_clear()
            .args(["start", "--listen", "127.0.0.1:0", "--shards", "2"]);
        command.args(["--override", "millrace.journal.bytes=8388608", "--data"]);
        command.arg(folder.path().join("data"));
        let process = command
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let address = eventually("the broker listens", || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            let banner = log.split("  listening ").nth(1)?;
            Some(banner.split_once('\n')?.0.trim().to_owned())
        });
        let client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut broker = Self {
            process,
            folder,
            client,
        };
        let topic = CreatableTopic {
            name: "t".to_owned(),
            num_partitions: 1,
            replication_factor: 1,
            ..Default::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![topic],
            ..Default::default()
        };
        assert_eq!(broker.call(7, &request).topics[0].error_code, 0);
        broker
    }

    fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let header = RequestHeader {
            api_key: R::KEY.code(),
            api_version: version,
            correlation_id: 7,
            client_id: None,
        };
        let mut writer = Writer::new();
        header.encode(&mut writer);
        request.encode(&mut writer, version);
        let frame = writer.as_slice();
        let length = i32::try_from(frame.len()).unwrap();
        self.client
            .write_all(&[&length.to_be_bytes()[..], frame].concat())
            .unwrap();
        let mut length = [0; 4];
        self.client.read_exact(&mut length).unwrap();
        let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        self.client.read_exact(&mut frame).unwrap();
        let mut reader = Reader::new(frame.into());
        ResponseHeader::decode(&mut reader, R::KEY, version).unwrap();
        R::Response::decode(&mut reader, version).unwrap()
    }

    /// Sets one value of a topic, or of all brokers (no name); null deletes it.
    fn set(&mut self, kind: i8, resource: &str, name: &str, value: Option<&str>) {
        let config = AlterableConfig {
            name: name.to_owned(),
            config_operation: i8::from(value.is_none()),
            value: value.map(str::to_owned),
        };
        let resource = AlterConfigsResource {
            resource_type: kind,
            resource_name: resource.to_owned(),
            configs: vec![config],
        };
        let request = IncrementalAlterConfigsRequest {
            resources: vec![resource],
            validate_only: false,
        };
        let response = self.call(1, &request);
        assert_eq!(response.responses[0].error_code, 0, "{response:?}");
    }

    /// Produces one record of so many bytes to the topic's partition.
    fn produce(&mut self, bytes: usize, timestamp: i64) -> PartitionProduceResponse {
        let mut batch = BatchBuilder::new(BatchOptions::default());
        batch.append(timestamp, None, Some(&vec![b'x'; bytes]), &[]);
        let records: Option<Bytes> = Some(batch.build());
        let topic = TopicProduceData {
            name: "t".to_owned(),
            partition_data: vec![PartitionProduceData { index: 0, records }],
            ..Default::default()
        };
        let mut request = ProduceRequest {
            acks: -1,
            timeout_ms: 10_000,
            ..ProduceRequest::default()
        };
        request.topic_data = vec![topic];
        self.call(9, &request)
            .responses
            .remove(0)
            .partition_responses
            .remove(0)
    }

    /// What the next batch is answered; a shard other than the one that asked may learn of a
    /// change a moment later.
    fn produces(&mut self, bytes: usize, expected: ErrorCode) {
        eventually("the next batch is answered by the new rule", || {
            (self.produce(bytes, now_ms()).error_code == expected.code()).then_some(())
        });
    }

    /// A value of the topic and its source.
    fn described(&mut self, name: &str) -> (Option<String>, i8) {
        let resource = DescribeConfigsResource {
            resource_type: TOPIC_RESOURCE,
            resource_name: "t".to_owned(),
            configuration_keys: Some(vec![name.to_owned()]),
        };
        let request = DescribeConfigsRequest {
            resources: vec![resource],
            ..Default::default()
        };
        let config = self.call(4, &request).results.remove(0).configs.remove(0);
        (config.value, config.config_source)
    }

    /// Bytes of the topic's log.
    fn log_bytes(&mut self) -> i64 {
        let request = DescribeLogDirsRequest { topics: None };
        let directory = self.call(4, &request).results.remove(0);
        let topic = directory.topics.iter().find(|topic| topic.name == "t");
        topic.unwrap().partitions[0].partition_size
    }

    /// How often the log says this.
    fn logged(&self, text: &str) -> usize {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.matches(text).count()
    }

    /// Segment files of the topic.
    fn segments(&self) -> usize {
        let mut folders: Vec<PathBuf> = vec![self.folder.path().join("data")];
        let mut count = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                let metadata = path.to_string_lossy().contains("__cluster_metadata");
                if path.is_dir() && !metadata {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "log") {
                    count += 1;
                }
            }
        }
        count
    }
}

#[test]
fn the_largest_batch_of_a_topic_changes_without_a_restart() {
    let mut broker = Broker::start();
    broker.produces(5_000, ErrorCode::None);
    broker.set(TOPIC_RESOURCE, "t", "max.message.bytes", Some("1000"));
    broker.produces(5_000, ErrorCode::MessageTooLarge);
    broker.produces(500, ErrorCode::None);
    broker.set(TOPIC_RESOURCE, "t", "max.message.bytes", None);
    broker.produces(5_000, ErrorCode::None);
}

#[test]
fn batches_are_stored_in_the_codec_that_their_topic_asks_for() {
    let mut broker = Broker::start();
    let mut taken_by = |codec: &str, as_it_should: &dyn Fn(i64) -> bool| {
        broker.set(TOPIC_RESOURCE, "t", "compression.type", Some(codec));
        eventually("the next batch is stored in another codec", || {
            let before = broker.log_bytes();
            broker.produces(50_000, ErrorCode::None);
            as_it_should(broker.log_bytes() - before).then_some(())
        });
    };
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        taken_by(codec, &|bytes| bytes < 5_000);
    }
    taken_by("uncompressed", &|bytes| bytes > 50_000);
    taken_by("producer", &|bytes| bytes > 50_000);
}

#[test]
fn levels_of_loggers_take_effect_at_once() {
    let mut broker = Broker::start();
    let line = "log levels change";
    broker.set(LOGGER_RESOURCE, "1", "root", Some("ERROR"));
    eventually("the change is logged", || {
        (broker.logged(line) == 1).then_some(())
    });
    broker.set(LOGGER_RESOURCE, "1", "millrace::net", Some("DEBUG"));
    broker.set(LOGGER_RESOURCE, "1", "millrace::api", Some("INFO"));
    broker.set(LOGGER_RESOURCE, "1", "millrace::net", None);
    eventually("only what the levels allow is logged", || {
        (broker.logged(line) == 2).then_some(())
    });
}

#[test]
fn a_default_of_the_broker_counts_for_topics_that_set_nothing() {
    let mut broker = Broker::start();
    broker.produces(5_000, ErrorCode::None);
    broker.set(BROKER_RESOURCE, "", "message.max.bytes", Some("1000"));
    broker.produces(5_000, ErrorCode::MessageTooLarge);
    broker.set(TOPIC_RESOURCE, "t", "max.message.bytes", Some("10000"));
    broker.produces(5_000, ErrorCode::None);
}

#[test]
fn a_topic_takes_up_the_time_of_appending() {
    const PRODUCERS_TIME: i64 = 1_600_000_000_000;
    let mut broker = Broker::start();
    assert_eq!(broker.produce(10, PRODUCERS_TIME).log_append_time_ms, -1);
    broker.set(
        TOPIC_RESOURCE,
        "t",
        "message.timestamp.type",
        Some("LogAppendTime"),
    );
    eventually("batches get the broker's time", || {
        (broker.produce(10, PRODUCERS_TIME).log_append_time_ms > PRODUCERS_TIME).then_some(())
    });
}

#[test]
fn segments_become_smaller_while_the_partition_is_open() {
    let mut broker = Broker::start();
    broker.produces(900_000, ErrorCode::None);
    broker.produces(900_000, ErrorCode::None);
    assert!(broker.segments() <= 1);
    broker.set(TOPIC_RESOURCE, "t", "segment.bytes", Some("1048576"));
    eventually("new segments are begun", || {
        broker.produces(900_000, ErrorCode::None);
        (broker.segments() > 2).then_some(())
    });
}

#[test]
fn retention_is_kept_and_shown_as_the_topics_own() {
    let mut broker = Broker::start();
    assert_eq!(
        broker.described("retention.ms"),
        (Some("604800000".to_owned()), DEFAULT)
    );
    broker.set(TOPIC_RESOURCE, "t", "retention.ms", Some("1234"));
    eventually("the new value is described", || {
        (broker.described("retention.ms") == (Some("1234".to_owned()), DYNAMIC_TOPIC)).then_some(())
    });
    broker.set(TOPIC_RESOURCE, "t", "retention.bytes", Some("77"));
    eventually("both values are described", || {
        (broker.described("retention.bytes") == (Some("77".to_owned()), DYNAMIC_TOPIC))
            .then_some(())
    });
    assert_eq!(broker.described("retention.ms").0.as_deref(), Some("1234"));
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test outside the broker has no other clock"
)]
fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "records carry the time of their client"
)]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
