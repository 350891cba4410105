//! Generated from `schemas/metadata/03_partition_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionRecord {
    pub partition_id: i32,
    pub topic_id: Uuid,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub leader: i32,
    pub leader_recovery_state: i8,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub directories: Vec<Uuid>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

impl Default for PartitionRecord {
    fn default() -> Self {
        Self {
            partition_id: -1,
            topic_id: Uuid::ZERO,
            replicas: Vec::new(),
            isr: Vec::new(),
            removing_replicas: Vec::new(),
            adding_replicas: Vec::new(),
            leader: -1,
            leader_recovery_state: 0,
            leader_epoch: -1,
            partition_epoch: -1,
            directories: Vec::new(),
            eligible_leader_replicas: None,
            last_known_elr: None,
        }
    }
}

impl Message for PartitionRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 2 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.partition_id = reader.i32()?;
        message.topic_id = reader.uuid()?;
        message.replicas = reader.array(true, 4, Reader::i32)?;
        message.isr = reader.array(true, 4, Reader::i32)?;
        message.removing_replicas = reader.array(true, 4, Reader::i32)?;
        message.adding_replicas = reader.array(true, 4, Reader::i32)?;
        message.leader = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        message.partition_epoch = reader.i32()?;
        if version >= 1 {
            message.directories = reader.array(true, 16, Reader::uuid)?;
        }
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.leader_recovery_state = reader.i8()?,
                1 if version >= 2 => {
                    message.eligible_leader_replicas =
                        reader.nullable_array(true, 4, Reader::i32)?
                }
                2 if version >= 2 => {
                    message.last_known_elr = reader.nullable_array(true, 4, Reader::i32)?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.partition_id);
        writer.uuid(self.topic_id);
        writer.array(true, &self.replicas, |writer, value| writer.i32(*value));
        writer.array(true, &self.isr, |writer, value| writer.i32(*value));
        writer.array(true, &self.removing_replicas, |writer, value| {
            writer.i32(*value)
        });
        writer.array(true, &self.adding_replicas, |writer, value| {
            writer.i32(*value)
        });
        writer.i32(self.leader);
        writer.i32(self.leader_epoch);
        writer.i32(self.partition_epoch);
        if version >= 1 {
            writer.array(true, &self.directories, |writer, value| writer.uuid(*value));
        }
        let mut tags = writer.tagged_fields();
        if self.leader_recovery_state != 0 {
            tags.field(0, |writer| writer.i8(self.leader_recovery_state));
        }
        if version >= 2 && self.eligible_leader_replicas.is_some() {
            tags.field(1, |writer| {
                writer.nullable_array(
                    true,
                    self.eligible_leader_replicas.as_deref(),
                    |writer, value| writer.i32(*value),
                )
            });
        }
        if version >= 2 && self.last_known_elr.is_some() {
            tags.field(2, |writer| {
                writer.nullable_array(true, self.last_known_elr.as_deref(), |writer, value| {
                    writer.i32(*value)
                })
            });
        }
        tags.finish();
    }
}

impl PartitionRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 3;
}
