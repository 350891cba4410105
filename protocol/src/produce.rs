//! Produce: a walk over the request that copies no record, and the response. Pure.
//! The request keeps the received body; a partition knows where in it its records are, so many
//! partitions cost little. Versions: requests 3 to 13, responses 0 to 13.

use bytes::Bytes;

use crate::addressing::{
    LeaderHint, NodeEndpoint, TopicRef, TopicSpan, TopicsForm, read_topics, write_node_endpoints,
};
use crate::codec::{DecodeError, Reader, Writer};
use crate::error_code::ErrorCode;
use crate::records::{BatchError, RecordFault};

const FLEXIBLE_SINCE: i16 = 9;
const TOPIC_ID_SINCE: i16 = 13;
const VERSIONS: std::ops::RangeInclusive<i16> = 3..=13;

/// A Produce request. Topics and partitions are in the order in which they were sent.
#[derive(Debug, Clone)]
pub struct ProduceRequest {
    pub transactional_id: Option<String>,
    pub acks: i16,
    pub timeout_ms: i32,
    pub topics: Vec<TopicSpan>,
    pub partitions: Vec<ProducePartition>,
    body: Bytes,
}

/// What a request has for one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducePartition {
    /// The place of its topic in [`ProduceRequest::topics`].
    pub topic: u32,
    pub index: i32,
    /// Where the records are in the body; `None` is null.
    records: Option<RecordsPlace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RecordsPlace {
    start: u32,
    bytes: u32,
}

/// The outcome for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProduceOutcome {
    pub error_code: ErrorCode,
    pub base_offset: i64,
    /// -1 unless the topic uses log append time.
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    /// The records that made the whole batch unacceptable.
    pub record_errors: Vec<RecordFault>,
    pub error_message: Option<String>,
    /// For a client that asked a broker that does not lead the partition.
    pub current_leader: Option<LeaderHint>,
}

impl ProduceRequest {
    /// Walks a request's body. Bytes behind the message are ignored, as Kafka does.
    ///
    /// # Errors
    /// The body is no Produce request of this version.
    pub fn parse(body: Bytes, version: i16) -> Result<Self, DecodeError> {
        if !VERSIONS.contains(&version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= FLEXIBLE_SINCE;
        let mut reader = Reader::new(body.clone());
        let transactional_id = reader.flex_nullable_string(flexible)?;
        let acks = reader.i16()?;
        let timeout_ms = reader.i32()?;
        let form = TopicsForm {
            flexible,
            by_id: version >= TOPIC_ID_SINCE,
            partition_bytes_min: if flexible { 4 + 1 + 1 } else { 4 + 4 },
        };
        let (topics, partitions) = read_topics(&mut reader, &form, |reader, topic| {
            let index = reader.i32()?;
            let records = RecordsPlace::read(reader, flexible)?;
            if flexible {
                reader.skip_tagged_fields()?;
            }
            Ok(ProducePartition {
                topic,
                index,
                records,
            })
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(Self {
            transactional_id,
            acks,
            timeout_ms,
            topics,
            partitions,
            body,
        })
    }

    /// A partition's records, as a slice of the body that keeps the body alive.
    #[must_use]
    pub fn records(&self, partition: &ProducePartition) -> Option<Bytes> {
        let place = partition.records?;
        let start = place.start as usize;
        Some(self.body.slice(start..start + place.bytes as usize))
    }

    /// A partition's records, borrowed.
    #[must_use]
    pub fn records_slice(&self, partition: &ProducePartition) -> Option<&[u8]> {
        let place = partition.records?;
        let start = place.start as usize;
        self.body.get(start..start + place.bytes as usize)
    }

    /// The topic of a partition of this request.
    ///
    /// # Panics
    /// The partition is another request's.
    #[must_use]
    pub fn topic_of(&self, partition: &ProducePartition) -> &TopicRef {
        &self.topics[partition.topic as usize].topic
    }

    /// Appends the response's body. `outcomes` is parallel to [`ProduceRequest::partitions`].
    ///
    /// # Panics
    /// There is not one outcome for each partition, or the version is unknown.
    pub fn write_response(
        &self,
        writer: &mut Writer,
        version: i16,
        outcomes: &[ProduceOutcome],
        node_endpoints: &[NodeEndpoint],
        throttle_time_ms: i32,
    ) {
        assert!(
            (0..=*VERSIONS.end()).contains(&version),
            "version {version}"
        );
        assert_eq!(
            outcomes.len(),
            self.partitions.len(),
            "one outcome for each partition"
        );
        let flexible = version >= FLEXIBLE_SINCE;
        writer.array(flexible, &self.topics, |writer, topic| {
            topic
                .topic
                .write(writer, version >= TOPIC_ID_SINCE, flexible);
            let partitions = topic.of(&self.partitions);
            writer.array_count(flexible, Some(partitions.len()));
            for (partition, outcome) in partitions.iter().zip(topic.of(outcomes)) {
                outcome.write(writer, version, partition.index);
            }
            if flexible {
                writer.empty_tagged_fields();
            }
        });
        if version >= 1 {
            writer.i32(throttle_time_ms);
        }
        if version >= 10 {
            write_node_endpoints(writer, node_endpoints);
        } else if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl RecordsPlace {
    fn read(reader: &mut Reader, flexible: bool) -> Result<Option<Self>, DecodeError> {
        let bytes = if flexible {
            reader.unsigned_varint()?.checked_sub(1)
        } else {
            let length = reader.i32()?;
            if length < -1 {
                return Err(DecodeError::InvalidLength(i64::from(length)));
            }
            u32::try_from(length).ok()
        };
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        let position = reader.position();
        reader.skip(bytes as usize)?;
        let start =
            u32::try_from(position).map_err(|_| DecodeError::InvalidLength(i64::from(bytes)))?;
        Ok(Some(Self { start, bytes }))
    }
}

impl ProduceOutcome {
    /// The batch was appended.
    #[must_use]
    pub fn appended(base_offset: i64, log_append_time_ms: i64, log_start_offset: i64) -> Self {
        Self {
            error_code: ErrorCode::None,
            base_offset,
            log_append_time_ms,
            log_start_offset,
            record_errors: Vec::new(),
            error_message: None,
            current_leader: None,
        }
    }

    /// Nothing was appended.
    #[must_use]
    pub fn failed(error_code: ErrorCode, error_message: Option<String>) -> Self {
        Self {
            error_code,
            error_message,
            ..Self::appended(-1, -1, -1)
        }
    }

    /// The batch breaks a rule.
    #[must_use]
    pub fn refused(error: &BatchError) -> Self {
        Self {
            record_errors: error.faults().to_vec(),
            ..Self::failed(error.code(), Some(error.to_string()))
        }
    }

    fn write(&self, writer: &mut Writer, version: i16, partition: i32) {
        let flexible = version >= FLEXIBLE_SINCE;
        writer.i32(partition);
        writer.i16(self.error_code.code());
        writer.i64(self.base_offset);
        if version >= 2 {
            writer.i64(self.log_append_time_ms);
        }
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        if version >= 8 {
            writer.array(flexible, &self.record_errors, |writer, fault| {
                writer.i32(fault.index);
                writer.flex_nullable_string(flexible, Some(&fault.kind.to_string()));
                if flexible {
                    writer.empty_tagged_fields();
                }
            });
            writer.flex_nullable_string(flexible, self.error_message.as_deref());
        }
        if !flexible {
            return;
        }
        let mut tags = writer.tagged_fields();
        if let (Some(leader), true) = (self.current_leader, version >= 10) {
            tags.field(0, |writer| leader.write(writer));
        }
        tags.finish();
    }
}
