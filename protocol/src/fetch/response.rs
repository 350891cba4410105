//! The Fetch response as pieces: bytes of ours, and places for a partition's records. Pure.

use bytes::Bytes;

use super::{FLEXIBLE_SINCE, TOPIC_ID_SINCE, VERSIONS};
use crate::addressing::{LeaderHint, NodeEndpoint, TopicRef, TopicSpan, write_node_endpoints};
use crate::api_key::ApiKey;
use crate::codec::Writer;
use crate::error_code::ErrorCode;
use crate::frame::ResponseHeader;

/// A Fetch response but for the records. Filled in the order of the request by
/// [`FetchResponse::begin_topic`] and [`FetchResponse::push`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub session_id: i32,
    pub node_endpoints: Vec<NodeEndpoint>,
    topics: Vec<TopicSpan>,
    partitions: Vec<FetchOutcome>,
}

/// What a response says about one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOutcome {
    pub partition: i32,
    pub error_code: ErrorCode,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    /// The client's log differs from here on: it must truncate.
    pub diverging_epoch: Option<EpochEndOffset>,
    pub current_leader: Option<LeaderHint>,
    /// A follower must fetch this snapshot first.
    pub snapshot_id: Option<SnapshotId>,
    /// `None` unless the client reads committed records only; ordered by first offset.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// -1 for none.
    pub preferred_read_replica: i32,
    /// How many bytes of records the caller will put here.
    pub records_bytes: usize,
}

/// Where an epoch ends in the leader's log; the end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
}

/// A snapshot of a Raft log; the end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

/// Records of this producer from this offset on were aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

/// A whole response frame, size prefix included, to be sent piece by piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchFrame {
    pub pieces: Vec<FetchPiece>,
    /// Everything: our bytes and the records.
    pub size_bytes: usize,
}

/// A part of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchPiece {
    Bytes(Bytes),
    /// The records of the partition at this place, counted over the whole response: exactly
    /// the bytes that it announced. Partitions without records have no such piece.
    Records(usize),
}

impl FetchResponse {
    #[must_use]
    pub fn new(error_code: ErrorCode, session_id: i32) -> Self {
        Self {
            throttle_time_ms: 0,
            error_code,
            session_id,
            node_endpoints: Vec::new(),
            topics: Vec::new(),
            partitions: Vec::new(),
        }
    }

    /// The partitions that are pushed next belong to this topic.
    pub fn begin_topic(&mut self, topic: TopicRef) {
        let end = self.partitions.len();
        self.topics.push(TopicSpan::new(topic, end..end));
    }

    /// Appends a partition to the topic begun last and returns its place.
    ///
    /// # Panics
    /// No topic was begun.
    pub fn push(&mut self, outcome: FetchOutcome) -> usize {
        let place = self.partitions.len();
        self.partitions.push(outcome);
        let topic = self.topics.last_mut();
        assert!(topic.is_some(), "a partition belongs to a topic");
        if let Some(topic) = topic {
            topic.set_end(place + 1);
        }
        place
    }

    #[must_use]
    pub fn topics(&self) -> &[TopicSpan] {
        &self.topics
    }

    #[must_use]
    pub fn partitions(&self) -> &[FetchOutcome] {
        &self.partitions
    }

    /// The size of all records.
    #[must_use]
    pub fn records_bytes(&self) -> usize {
        self.partitions
            .iter()
            .map(|partition| partition.records_bytes)
            .sum()
    }

    /// The whole frame: size, header and body.
    ///
    /// # Panics
    /// The version is unknown, or the frame has 2 GiB or more.
    #[must_use]
    pub fn to_frame(&self, correlation_id: i32, version: i16) -> FetchFrame {
        assert!(VERSIONS.contains(&version), "version {version}");
        let mut writer = Writer::with_capacity(64 + 80 * self.partitions.len());
        let mut cuts = Vec::new();
        writer.i32(0);
        ResponseHeader { correlation_id }.encode(&mut writer, ApiKey::Fetch, version);
        self.write_body(&mut writer, version, &mut cuts);
        let size_bytes = writer.len() + self.records_bytes();
        let size = i32::try_from(size_bytes - 4);
        assert!(
            size.is_ok(),
            "a fetch response is limited to far below 2 GiB"
        );
        writer.patch_i32(0, size.unwrap_or(i32::MAX));
        FetchFrame {
            pieces: pieces(&writer.freeze(), &cuts),
            size_bytes,
        }
    }

    fn write_body(&self, writer: &mut Writer, version: i16, cuts: &mut Vec<Cut>) {
        let flexible = version >= FLEXIBLE_SINCE;
        writer.i32(self.throttle_time_ms);
        if version >= 7 {
            writer.i16(self.error_code.code());
            writer.i32(self.session_id);
        }
        writer.array(flexible, &self.topics, |writer, topic| {
            topic
                .topic
                .write(writer, version >= TOPIC_ID_SINCE, flexible);
            let partitions = topic.of(&self.partitions);
            writer.array_count(flexible, Some(partitions.len()));
            for (place, partition) in topic.partitions().zip(partitions) {
                partition.write_front(writer, version);
                if partition.records_bytes > 0 {
                    let position = writer.len();
                    cuts.push(Cut { position, place });
                }
                if flexible {
                    partition.write_tags(writer);
                }
            }
            if flexible {
                writer.empty_tagged_fields();
            }
        });
        if version >= 16 {
            write_node_endpoints(writer, &self.node_endpoints);
        } else if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl FetchOutcome {
    /// A partition that cannot be served.
    #[must_use]
    pub fn failed(partition: i32, error_code: ErrorCode) -> Self {
        Self {
            partition,
            error_code,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: None,
            current_leader: None,
            snapshot_id: None,
            aborted_transactions: None,
            preferred_read_replica: -1,
            records_bytes: 0,
        }
    }

    /// Everything up to and with the length of the records.
    fn write_front(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= FLEXIBLE_SINCE;
        writer.i32(self.partition);
        writer.i16(self.error_code.code());
        writer.i64(self.high_watermark);
        writer.i64(self.last_stable_offset);
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        let aborted = self.aborted_transactions.as_deref();
        writer.nullable_array(flexible, aborted, |writer, aborted| {
            writer.i64(aborted.producer_id);
            writer.i64(aborted.first_offset);
            if flexible {
                writer.empty_tagged_fields();
            }
        });
        if version >= 11 {
            writer.i32(self.preferred_read_replica);
        }
        writer.array_count(flexible, Some(self.records_bytes));
    }

    /// What follows the records in flexible versions.
    fn write_tags(&self, writer: &mut Writer) {
        let mut tags = writer.tagged_fields();
        if let Some(diverging) = self.diverging_epoch {
            tags.field(0, |writer| {
                writer.i32(diverging.epoch);
                writer.i64(diverging.end_offset);
                writer.empty_tagged_fields();
            });
        }
        if let Some(leader) = self.current_leader {
            tags.field(1, |writer| leader.write(writer));
        }
        if let Some(snapshot) = self.snapshot_id {
            tags.field(2, |writer| {
                writer.i64(snapshot.end_offset);
                writer.i32(snapshot.epoch);
                writer.empty_tagged_fields();
            });
        }
        tags.finish();
    }
}

/// Where records go into our bytes.
struct Cut {
    position: usize,
    place: usize,
}

fn pieces(bytes: &Bytes, cuts: &[Cut]) -> Vec<FetchPiece> {
    let mut pieces = Vec::with_capacity(2 * cuts.len() + 1);
    let mut start = 0;
    for cut in cuts {
        pieces.push(FetchPiece::Bytes(bytes.slice(start..cut.position)));
        pieces.push(FetchPiece::Records(cut.place));
        start = cut.position;
    }
    if start < bytes.len() {
        pieces.push(FetchPiece::Bytes(bytes.slice(start..)));
    }
    pieces
}
