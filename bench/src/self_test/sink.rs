//! A broker that stores nothing: it acknowledges what it gets, at offsets that rise, and can stall
//! once. Shell: one thread a connection, so that it costs what a bare receiver costs.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use protocol::addressing::TopicRef;
use protocol::api_key::ApiKey;
use protocol::codec::{Message, Reader, Request, Writer};
use protocol::frame::{RequestHeader, ResponseHeader};
use protocol::messages::api_versions_request::ApiVersionsRequest;
use protocol::messages::api_versions_response::{ApiVersion, ApiVersionsResponse};
use protocol::messages::create_topics_request::CreateTopicsRequest;
use protocol::messages::create_topics_response::CreateTopicsResponse;
use protocol::messages::init_producer_id_request::InitProducerIdRequest;
use protocol::messages::init_producer_id_response::InitProducerIdResponse;
use protocol::messages::list_offsets_request::ListOffsetsRequest;
use protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use protocol::messages::metadata_request::MetadataRequest;
use protocol::messages::metadata_response::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use protocol::messages::produce_request::ProduceRequest as ProduceApi;
use protocol::messages::produce_response::{
    PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};
use protocol::produce::ProduceRequest;
use protocol::records::BatchHeader;
use storage::clock;

/// Everything that the generator needs of a broker.
const SERVED: [(ApiKey, i16, i16); 6] = [
    (ApiKey::Produce, 3, 12),
    (ApiKey::ListOffsets, 1, 9),
    (ApiKey::Metadata, 0, 12),
    (ApiKey::ApiVersions, 0, 4),
    (ApiKey::CreateTopics, 2, 7),
    (ApiKey::InitProducerId, 0, 5),
];

/// A pause of the whole sink, once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stall {
    /// From the first record on.
    pub(crate) after: Duration,
    pub(crate) length: Duration,
}

#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) port: u16,
    partitions: i32,
    stall: Option<Stall>,
    /// When the first record came, in nanoseconds of the monotonic clock.
    first: AtomicI64,
    next_offset: AtomicI64,
}

impl Sink {
    /// Lives until the process ends.
    pub(crate) fn start(partitions: u32, stall: Option<Stall>) -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let sink = Arc::new(Self {
            port: listener.local_addr()?.port(),
            partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
            stall,
            first: AtomicI64::new(0),
            next_offset: AtomicI64::new(0),
        });
        let accepting = Arc::clone(&sink);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sink = Arc::clone(&accepting);
                // A connection that fails is the client's affair.
                thread::spawn(move || drop(sink.serve(stream)));
            }
        });
        Ok(sink)
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut frame = Vec::new();
        loop {
            let mut prefix = [0; 4];
            stream.read_exact(&mut prefix)?;
            let length = usize::try_from(i32::from_be_bytes(prefix)).unwrap_or(0);
            frame.resize(length, 0);
            stream.read_exact(&mut frame)?;
            let Some(answer) = self.answer(Bytes::from(std::mem::take(&mut frame))) else {
                return Ok(());
            };
            stream.write_all(&answer)?;
        }
    }

    fn answer(&self, frame: Bytes) -> Option<Vec<u8>> {
        let mut reader = Reader::new(frame);
        let header = RequestHeader::decode(&mut reader).ok()?;
        let version = header.api_version;
        let body = reader.rest();
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the generator asks for nothing else"
        )]
        match ApiKey::from_code(header.api_key)? {
            ApiKey::ApiVersions => encode::<ApiVersionsRequest>(&header, &api_versions()),
            ApiKey::Metadata => {
                let request = MetadataRequest::decode(&mut reader, version).ok()?;
                encode::<MetadataRequest>(&header, &self.metadata(&request))
            }
            ApiKey::CreateTopics => {
                encode::<CreateTopicsRequest>(&header, &CreateTopicsResponse::default())
            }
            ApiKey::InitProducerId => {
                let response = InitProducerIdResponse {
                    producer_id: 1,
                    ..InitProducerIdResponse::default()
                };
                encode::<InitProducerIdRequest>(&header, &response)
            }
            ApiKey::ListOffsets => {
                let request = ListOffsetsRequest::decode(&mut reader, version).ok()?;
                encode::<ListOffsetsRequest>(&header, &list_offsets(&request))
            }
            ApiKey::Produce => {
                let request = ProduceRequest::parse(body, version).ok()?;
                self.stall_once();
                encode::<ProduceApi>(&header, &self.produce(&request))
            }
            _ => None,
        }
    }

    /// Sleeps when it is time, as a broker that is not scheduled does.
    #[expect(
        clippy::disallowed_methods,
        reason = "a thread of its own, which is to do nothing"
    )]
    fn stall_once(&self) {
        let Some(stall) = self.stall else { return };
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let now = nanos(clock::monotonic());
        let first = match self
            .first
            .compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => now,
            Err(first) => first,
        };
        let begin = first.saturating_add(nanos(stall.after));
        let end = begin.saturating_add(nanos(stall.length));
        if now >= begin
            && let Ok(left) = u64::try_from(end - now)
        {
            thread::sleep(Duration::from_nanos(left));
        }
    }

    fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        let partition = |partition_index| MetadataResponsePartition {
            partition_index,
            leader_id: 1,
            ..MetadataResponsePartition::default()
        };
        let topics = request.topics.iter().flatten();
        let topics = topics.map(|topic| MetadataResponseTopic {
            name: topic.name.clone(),
            partitions: (0..self.partitions).map(partition).collect(),
            ..MetadataResponseTopic::default()
        });
        MetadataResponse {
            brokers: vec![MetadataResponseBroker {
                node_id: 1,
                host: "127.0.0.1".to_owned(),
                port: i32::from(self.port),
                rack: None,
            }],
            topics: topics.collect(),
            ..MetadataResponse::default()
        }
    }

    fn produce(&self, request: &ProduceRequest) -> ProduceResponse {
        let mut responses: Vec<TopicProduceResponse> = Vec::new();
        for topic in &request.topics {
            let name = match &topic.topic {
                TopicRef::Name(name) => name.to_string(),
                TopicRef::Id(_) => String::new(),
            };
            responses.push(TopicProduceResponse {
                name,
                ..TopicProduceResponse::default()
            });
        }
        for partition in &request.partitions {
            let records = request.records_slice(partition).unwrap_or_default();
            let count = BatchHeader::parse(records).map_or(0, |header| header.records_count);
            let base_offset = self
                .next_offset
                .fetch_add(i64::from(count), Ordering::Relaxed);
            let stored = PartitionProduceResponse {
                index: partition.index,
                base_offset,
                ..PartitionProduceResponse::default()
            };
            if let Some(topic) = responses.get_mut(partition.topic as usize) {
                topic.partition_responses.push(stored);
            }
        }
        ProduceResponse {
            responses,
            ..ProduceResponse::default()
        }
    }
}

fn api_versions() -> ApiVersionsResponse {
    let api = |(key, min_version, max_version): (ApiKey, i16, i16)| ApiVersion {
        api_key: key.code(),
        min_version,
        max_version,
    };
    ApiVersionsResponse {
        api_keys: SERVED.into_iter().map(api).collect(),
        ..ApiVersionsResponse::default()
    }
}

fn list_offsets(request: &ListOffsetsRequest) -> ListOffsetsResponse {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter();
        ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: partitions
                .map(|partition| ListOffsetsPartitionResponse {
                    partition_index: partition.partition_index,
                    offset: 0,
                    ..ListOffsetsPartitionResponse::default()
                })
                .collect(),
        }
    });
    ListOffsetsResponse {
        topics: topics.collect(),
        ..ListOffsetsResponse::default()
    }
}

/// A whole frame, with its length.
fn encode<R: Request>(header: &RequestHeader, response: &R::Response) -> Option<Vec<u8>> {
    let mut writer = Writer::new();
    writer.i32(0);
    let correlation_id = header.correlation_id;
    ResponseHeader { correlation_id }.encode(&mut writer, R::KEY, header.api_version);
    response.encode(&mut writer, header.api_version);
    let length = i32::try_from(writer.len() - size_of::<i32>()).ok()?;
    writer.patch_i32(0, length);
    Some(writer.as_slice().to_vec())
}
