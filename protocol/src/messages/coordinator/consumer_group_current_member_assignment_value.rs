//! Generated from `schemas/coordinator/group_08_consumer_group_current_member_assignment.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupCurrentMemberAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub assigned_partitions: Vec<TopicPartitions>,
    pub partitions_pending_revocation: Vec<TopicPartitions>,
}

impl Message for ConsumerGroupCurrentMemberAssignmentValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.member_epoch = reader.i32()?;
        message.previous_member_epoch = reader.i32()?;
        message.state = reader.i8()?;
        message.assigned_partitions =
            reader.array(true, 18, |reader| TopicPartitions::decode(reader, version))?;
        message.partitions_pending_revocation =
            reader.array(true, 18, |reader| TopicPartitions::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.member_epoch);
        writer.i32(self.previous_member_epoch);
        writer.i8(self.state);
        writer.array(true, &self.assigned_partitions, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(
            true,
            &self.partitions_pending_revocation,
            |writer, value| value.encode(writer, version),
        );
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
    pub assignment_epochs: Option<Vec<i32>>,
}

impl Default for TopicPartitions {
    fn default() -> Self {
        Self {
            topic_id: Uuid::ZERO,
            partitions: Vec::new(),
            assignment_epochs: Some(Vec::new()),
        }
    }
}

impl TopicPartitions {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.topic_id = reader.uuid()?;
        message.partitions = reader.array(true, 4, Reader::i32)?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.assignment_epochs = reader.nullable_array(true, 4, Reader::i32)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.uuid(self.topic_id);
        writer.array(true, &self.partitions, |writer, value| writer.i32(*value));
        let mut tags = writer.tagged_fields();
        if self
            .assignment_epochs
            .as_ref()
            .is_none_or(|value| !value.is_empty())
        {
            tags.field(0, |writer| {
                writer.nullable_array(true, self.assignment_epochs.as_deref(), |writer, value| {
                    writer.i32(*value)
                })
            });
        }
        tags.finish();
    }
}

impl ConsumerGroupCurrentMemberAssignmentValue {
    /// The number of the record type.
    pub const TYPE: i16 = 8;
}
