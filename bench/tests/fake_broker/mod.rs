//! A broker of one topic that stores in memory: it answers just enough for the load generator, and
//! lies on request. One thread a connection; it lives until the test process ends.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its broker is asked nonsense"
)]
#![allow(dead_code, reason = "each test program uses another part of it")]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "threads of a test, which may wait for each other and sleep"
)]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use protocol::api_key::ApiKey;
use protocol::codec::{Message, Reader, Request, Writer};
use protocol::error_code::ErrorCode;
use protocol::frame::{RequestHeader, ResponseHeader};
use protocol::messages::api_versions_request::ApiVersionsRequest;
use protocol::messages::api_versions_response::{ApiVersion, ApiVersionsResponse};
use protocol::messages::fetch_request::FetchRequest;
use protocol::messages::fetch_response::{FetchResponse, FetchableTopicResponse, PartitionData};
use protocol::messages::list_offsets_request::ListOffsetsRequest;
use protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use protocol::messages::metadata_request::MetadataRequest;
use protocol::messages::metadata_response::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use protocol::messages::produce_request::ProduceRequest;
use protocol::messages::produce_response::{
    PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};
use protocol::records::{BatchBuilder, BatchHeader, BatchOptions, check_crc, patch_base_offset};
use protocol::types::Uuid;

pub(crate) const TOPIC: &str = "load";
pub(crate) const PARTITIONS: i32 = 3;
/// Records that each partition of a broker that is not empty has, in one batch.
pub(crate) const STORED: i64 = 40;
/// Every so many batches one is treated wrongly.
const WRONG_EVERY: i64 = 7;
const TOPIC_ID: Uuid = Uuid::from_u128(77);

/// What the broker does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    Nothing,
    /// Every batch gets this error.
    Refuses(ErrorCode),
    /// Every batch is stored at offset 0.
    StoresAtZero,
    /// The last byte of every batch that is fetched is wrong.
    DamagesBatches,
    /// It closes the connection instead of answering a Produce.
    Closes,
    /// Some batches are acknowledged and not stored.
    Loses,
    /// Some batches are stored twice.
    StoresTwice,
}

pub(crate) struct FakeBroker {
    pub(crate) port: u16,
    lie: Lie,
    /// The newest `ApiVersions` it knows, and the newest Produce.
    newest: (i16, i16),
    logs: [Mutex<Log>; PARTITIONS as usize],
    batches: AtomicI64,
    produced: AtomicI64,
    gone: AtomicBool,
}

/// The batches of a partition.
#[derive(Debug, Default)]
struct Log {
    batches: Vec<Vec<u8>>,
    end: i64,
}

impl Log {
    fn append(&mut self, batch: &[u8]) -> i64 {
        let records = BatchHeader::parse(batch).unwrap().records_count;
        let mut batch = batch.to_vec();
        let base_offset = self.end;
        patch_base_offset(&mut batch, base_offset, 0);
        self.batches.push(batch);
        self.end += i64::from(records);
        base_offset
    }

    /// What lies at an offset and behind it.
    fn read(&self, offset: i64) -> Vec<u8> {
        let is_behind =
            |batch: &&Vec<u8>| BatchHeader::parse(batch).unwrap().next_offset() > offset;
        let wanted = self.batches.iter().filter(is_behind);
        wanted.flatten().copied().collect()
    }
}

impl FakeBroker {
    pub(crate) fn start(lie: Lie, newest: (i16, i16)) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let broker = Arc::new(Self {
            port: listener.local_addr().unwrap().port(),
            lie,
            newest,
            logs: Default::default(),
            batches: AtomicI64::new(0),
            produced: AtomicI64::new(0),
            gone: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&broker);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let broker = Arc::clone(&accepting);
                thread::spawn(move || broker.serve(stream.unwrap()));
            }
        });
        broker
    }

    /// From now on every connection is closed.
    pub(crate) fn go_away(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    /// Gives every partition records that consumers find there.
    pub(crate) fn fill(&self) {
        for log in &self.logs {
            let mut builder = BatchBuilder::new(BatchOptions::default());
            for timestamp in 0..STORED {
                builder.append(timestamp, None, Some(b"value"), &[]);
            }
            log.lock().unwrap().append(&builder.build());
        }
    }

    /// Records that producers got acknowledged.
    pub(crate) fn produced(&self) -> i64 {
        self.produced.load(Ordering::SeqCst)
    }

    fn serve(&self, mut stream: TcpStream) {
        while let Ok(frame) = read_frame(&mut stream)
            && !self.gone.load(Ordering::SeqCst)
        {
            let Some(answer) = self.answer(frame) else {
                return;
            };
            let length = i32::try_from(answer.len()).unwrap().to_be_bytes();
            if stream
                .write_all(&[&length, answer.as_slice()].concat())
                .is_err()
            {
                return;
            }
        }
    }

    fn answer(&self, frame: Bytes) -> Option<Vec<u8>> {
        let mut reader = Reader::new(frame);
        let header = RequestHeader::decode(&mut reader).unwrap();
        let key = ApiKey::from_code(header.api_key).unwrap();
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the other APIs are all alike here"
        )]
        match key {
            ApiKey::ApiVersions if header.api_version > self.newest.0 => {
                let refusal = ApiVersionsResponse {
                    error_code: ErrorCode::UnsupportedVersion.code(),
                    ..self.api_versions()
                };
                let header = RequestHeader {
                    api_version: 0,
                    ..header
                };
                Some(encode::<ApiVersionsRequest>(&header, &refusal))
            }
            ApiKey::ApiVersions => {
                Some(encode::<ApiVersionsRequest>(&header, &self.api_versions()))
            }
            ApiKey::Metadata => Some(encode::<MetadataRequest>(&header, &self.metadata())),
            ApiKey::ListOffsets => {
                let request = ListOffsetsRequest::decode(&mut reader, header.api_version).unwrap();
                Some(encode::<ListOffsetsRequest>(
                    &header,
                    &self.list_offsets(&request),
                ))
            }
            ApiKey::Produce if self.lie == Lie::Closes => None,
            ApiKey::Produce => {
                let request = ProduceRequest::decode(&mut reader, header.api_version).unwrap();
                let by_id = header.api_version >= 13;
                Some(encode::<ProduceRequest>(
                    &header,
                    &self.produce(&request, by_id),
                ))
            }
            ApiKey::Fetch => {
                let request = FetchRequest::decode(&mut reader, header.api_version).unwrap();
                Some(encode::<FetchRequest>(&header, &self.fetch(&request)))
            }
            other => panic!("a request for {other}"),
        }
    }

    fn api_versions(&self) -> ApiVersionsResponse {
        let range = |key: ApiKey, min_version, max_version| ApiVersion {
            api_key: key.code(),
            min_version,
            max_version,
        };
        ApiVersionsResponse {
            api_keys: vec![
                range(ApiKey::ApiVersions, 0, self.newest.0),
                range(ApiKey::Metadata, 0, 12),
                range(ApiKey::ListOffsets, 1, 9),
                range(ApiKey::Produce, 3, self.newest.1),
                range(ApiKey::Fetch, 4, 16),
            ],
            ..ApiVersionsResponse::default()
        }
    }

    fn metadata(&self) -> MetadataResponse {
        let partition = |partition_index| MetadataResponsePartition {
            partition_index,
            leader_id: 1,
            ..MetadataResponsePartition::default()
        };
        MetadataResponse {
            brokers: vec![MetadataResponseBroker {
                node_id: 1,
                host: "127.0.0.1".to_owned(),
                port: i32::from(self.port),
                rack: None,
            }],
            topics: vec![MetadataResponseTopic {
                name: Some(TOPIC.to_owned()),
                topic_id: TOPIC_ID,
                partitions: (0..PARTITIONS).map(partition).collect(),
                ..MetadataResponseTopic::default()
            }],
            ..MetadataResponse::default()
        }
    }

    fn produce(&self, request: &ProduceRequest, by_id: bool) -> ProduceResponse {
        let topic = &request.topic_data[0];
        if by_id {
            assert_eq!(topic.topic_id, TOPIC_ID);
        } else {
            assert_eq!(topic.name, TOPIC);
        }
        let stored = topic.partition_data.iter().map(|data| {
            let (error_code, base_offset) =
                self.store(data.index, data.records.as_deref().unwrap());
            PartitionProduceResponse {
                index: data.index,
                error_code: error_code.code(),
                base_offset,
                ..PartitionProduceResponse::default()
            }
        });
        ProduceResponse {
            responses: vec![TopicProduceResponse {
                name: TOPIC.to_owned(),
                topic_id: TOPIC_ID,
                partition_responses: stored.collect(),
            }],
            ..ProduceResponse::default()
        }
    }

    fn store(&self, partition: i32, batch: &[u8]) -> (ErrorCode, i64) {
        let header = BatchHeader::parse(batch).unwrap();
        check_crc(batch, &header).unwrap();
        if let Lie::Refuses(code) = self.lie {
            return (code, -1);
        }
        let records = i64::from(header.records_count);
        self.produced.fetch_add(records, Ordering::SeqCst);
        let number = self.batches.fetch_add(1, Ordering::SeqCst);
        let is_wrong = number % WRONG_EVERY == WRONG_EVERY - 1;
        let mut log = self.logs[usize::try_from(partition).unwrap()]
            .lock()
            .unwrap();
        if self.lie == Lie::Loses && is_wrong {
            let base_offset = log.end;
            log.end += records;
            return (ErrorCode::None, base_offset);
        }
        let base_offset = log.append(batch);
        if self.lie == Lie::StoresTwice && is_wrong {
            log.append(batch);
        }
        if self.lie == Lie::StoresAtZero {
            return (ErrorCode::None, 0);
        }
        (ErrorCode::None, base_offset)
    }

    fn fetch(&self, request: &FetchRequest) -> FetchResponse {
        let mut any = false;
        let wanted = request.topics.iter().flat_map(|topic| &topic.partitions);
        let partitions = wanted.map(|wanted| {
            let log = self.logs[usize::try_from(wanted.partition).unwrap()]
                .lock()
                .unwrap();
            let mut records = log.read(wanted.fetch_offset);
            any |= !records.is_empty();
            if self.lie == Lie::DamagesBatches
                && let Some(last) = records.last_mut()
            {
                *last ^= 1;
            }
            PartitionData {
                partition_index: wanted.partition,
                high_watermark: log.end,
                records: Some(records.into()),
                ..PartitionData::default()
            }
        });
        let partitions = partitions.collect();
        if !any {
            thread::sleep(Duration::from_millis(20));
        }
        FetchResponse {
            responses: vec![FetchableTopicResponse {
                topic: TOPIC.to_owned(),
                topic_id: TOPIC_ID,
                partitions,
            }],
            ..FetchResponse::default()
        }
    }

    fn list_offsets(&self, request: &ListOffsetsRequest) -> ListOffsetsResponse {
        let wanted = request.topics[0].partitions.iter();
        let partitions = wanted.map(|wanted| {
            let log = &self.logs[usize::try_from(wanted.partition_index).unwrap()];
            ListOffsetsPartitionResponse {
                partition_index: wanted.partition_index,
                offset: if wanted.timestamp == -1 {
                    log.lock().unwrap().end
                } else {
                    0
                },
                ..ListOffsetsPartitionResponse::default()
            }
        });
        ListOffsetsResponse {
            topics: vec![ListOffsetsTopicResponse {
                name: TOPIC.to_owned(),
                partitions: partitions.collect(),
            }],
            ..ListOffsetsResponse::default()
        }
    }
}

fn encode<R: Request>(header: &RequestHeader, response: &R::Response) -> Vec<u8> {
    let mut writer = Writer::new();
    let correlation_id = header.correlation_id;
    ResponseHeader { correlation_id }.encode(&mut writer, R::KEY, header.api_version);
    response.encode(&mut writer, header.api_version);
    writer.as_slice().to_vec()
}

fn read_frame(stream: &mut TcpStream) -> io::Result<Bytes> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix)?;
    let mut frame = vec![0; usize::try_from(i32::from_be_bytes(prefix)).unwrap()];
    stream.read_exact(&mut frame)?;
    Ok(frame.into())
}
