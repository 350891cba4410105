//! Generated from `schemas/coordinator/group_22_streams_group_current_member_assignment.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamsGroupCurrentMemberAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub active_tasks: Vec<TaskIds>,
    pub standby_tasks: Vec<TaskIds>,
    pub warmup_tasks: Vec<TaskIds>,
    pub active_tasks_pending_revocation: Vec<TaskIds>,
    pub standby_tasks_pending_revocation: Vec<TaskIds>,
    pub warmup_tasks_pending_revocation: Vec<TaskIds>,
}

impl Message for StreamsGroupCurrentMemberAssignmentValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.member_epoch = reader.i32()?;
        message.previous_member_epoch = reader.i32()?;
        message.state = reader.i8()?;
        message.active_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.standby_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.warmup_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.active_tasks_pending_revocation =
            reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.standby_tasks_pending_revocation =
            reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.warmup_tasks_pending_revocation =
            reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.member_epoch);
        writer.i32(self.previous_member_epoch);
        writer.i8(self.state);
        writer.array(true, &self.active_tasks, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.standby_tasks, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.warmup_tasks, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(
            true,
            &self.active_tasks_pending_revocation,
            |writer, value| value.encode(writer, version),
        );
        writer.array(
            true,
            &self.standby_tasks_pending_revocation,
            |writer, value| value.encode(writer, version),
        );
        writer.array(
            true,
            &self.warmup_tasks_pending_revocation,
            |writer, value| value.encode(writer, version),
        );
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct TaskIds {
    pub subtopology_id: String,
    pub partitions: Vec<i32>,
    pub assignment_epochs: Option<Vec<i32>>,
}

impl Default for TaskIds {
    fn default() -> Self {
        Self {
            subtopology_id: String::new(),
            partitions: Vec::new(),
            assignment_epochs: Some(Vec::new()),
        }
    }
}

impl TaskIds {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.subtopology_id = reader.compact_string()?;
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
        writer.compact_string(&self.subtopology_id);
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

impl StreamsGroupCurrentMemberAssignmentValue {
    /// The number of the record type.
    pub const TYPE: i16 = 22;
}
