//! The Fetch request: topics and partitions in two flat lists. Pure.

use bytes::Bytes;

use super::{FLEXIBLE_SINCE, TOPIC_ID_SINCE, VERSIONS};
use crate::addressing::{TopicRef, TopicSpan, TopicsForm, read_topics};
use crate::codec::{DecodeError, Reader};
use crate::types::Uuid;

/// The replica id of a consumer.
pub const NO_REPLICA: i32 = -1;

/// A Fetch request. Topics and partitions are in the order in which they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    pub cluster_id: Option<String>,
    /// A follower's broker id, or [`NO_REPLICA`].
    pub replica_id: i32,
    /// A follower's broker epoch, or -1.
    pub replica_epoch: i64,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    /// As sent: 0 read uncommitted, 1 read committed, others are the client's mistake.
    pub isolation_level: i8,
    pub session_id: i32,
    pub session_epoch: i32,
    pub topics: Vec<TopicSpan>,
    pub partitions: Vec<FetchPartition>,
    /// What an incremental session no longer wants; spans of `forgotten_partitions`.
    pub forgotten_topics: Vec<TopicSpan>,
    pub forgotten_partitions: Vec<i32>,
    pub rack_id: String,
}

/// What a request wants of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchPartition {
    /// The place of its topic in [`FetchRequest::topics`].
    pub topic: u32,
    pub partition: i32,
    /// -1 when the client does not know it.
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    /// -1 unless the client wants to know whether its log diverges.
    pub last_fetched_epoch: i32,
    /// A follower's log start offset, or -1.
    pub log_start_offset: i64,
    pub partition_max_bytes: i32,
    pub replica_directory_id: Uuid,
    /// A follower's high watermark; the greatest number when it did not say.
    pub high_watermark: i64,
}

impl FetchRequest {
    /// Reads a request's body. Bytes behind the message are ignored, as Kafka does.
    ///
    /// # Errors
    /// The body is no Fetch request of this version.
    pub fn parse(body: Bytes, version: i16) -> Result<Self, DecodeError> {
        if !VERSIONS.contains(&version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= FLEXIBLE_SINCE;
        let mut reader = Reader::new(body);
        let reader = &mut reader;
        let mut request = Self::read_limits(reader, version)?;
        let form = TopicsForm {
            flexible,
            by_id: version >= TOPIC_ID_SINCE,
            partition_bytes_min: FetchPartition::bytes_min(version),
        };
        (request.topics, request.partitions) = read_topics(reader, &form, |reader, topic| {
            FetchPartition::read(reader, version, topic)
        })?;
        if version >= 7 {
            let form = TopicsForm {
                partition_bytes_min: 4,
                ..form
            };
            (request.forgotten_topics, request.forgotten_partitions) =
                read_topics(reader, &form, |reader, _| reader.i32())?;
        }
        if version >= 11 {
            request.rack_id = reader.flex_string(flexible)?;
        }
        if flexible {
            request.read_tags(reader, version)?;
        }
        Ok(request)
    }

    /// The topic of a partition of this request.
    ///
    /// # Panics
    /// The partition is another request's.
    #[must_use]
    pub fn topic_of(&self, partition: &FetchPartition) -> &TopicRef {
        &self.topics[partition.topic as usize].topic
    }

    /// Everything in front of the topics.
    fn read_limits(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        Ok(Self {
            cluster_id: None,
            replica_id: if version < 15 {
                reader.i32()?
            } else {
                NO_REPLICA
            },
            replica_epoch: -1,
            max_wait_ms: reader.i32()?,
            min_bytes: reader.i32()?,
            max_bytes: reader.i32()?,
            isolation_level: reader.i8()?,
            session_id: if version >= 7 { reader.i32()? } else { 0 },
            session_epoch: if version >= 7 { reader.i32()? } else { -1 },
            topics: Vec::new(),
            partitions: Vec::new(),
            forgotten_topics: Vec::new(),
            forgotten_partitions: Vec::new(),
            rack_id: String::new(),
        })
    }

    fn read_tags(&mut self, reader: &mut Reader, version: i16) -> Result<(), DecodeError> {
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => self.cluster_id = reader.compact_nullable_string()?,
                1 if version >= 15 => {
                    self.replica_id = reader.i32()?;
                    self.replica_epoch = reader.i64()?;
                    reader.skip_tagged_fields()?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })
    }
}

impl FetchPartition {
    fn bytes_min(version: i16) -> usize {
        let epochs = match version {
            ..9 => 0,
            9..12 => 4,
            12.. => 4 + 4 + 1,
        };
        let log_start_offset = if version >= 5 { 8 } else { 0 };
        4 + 8 + 4 + log_start_offset + epochs
    }

    fn read(reader: &mut Reader, version: i16, topic: u32) -> Result<Self, DecodeError> {
        let mut partition = Self {
            topic,
            partition: reader.i32()?,
            current_leader_epoch: if version >= 9 { reader.i32()? } else { -1 },
            fetch_offset: reader.i64()?,
            last_fetched_epoch: if version >= 12 { reader.i32()? } else { -1 },
            log_start_offset: if version >= 5 { reader.i64()? } else { -1 },
            partition_max_bytes: reader.i32()?,
            replica_directory_id: Uuid::ZERO,
            high_watermark: i64::MAX,
        };
        if version >= FLEXIBLE_SINCE {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 if version >= 17 => partition.replica_directory_id = reader.uuid()?,
                    1 if version >= 18 => partition.high_watermark = reader.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(partition)
    }
}
