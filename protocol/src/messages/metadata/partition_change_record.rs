//! Generated from `schemas/metadata/05_partition_change_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionChangeRecord {
    pub partition_id: i32,
    pub topic_id: Uuid,
    pub isr: Option<Vec<i32>>,
    pub leader: i32,
    pub replicas: Option<Vec<i32>>,
    pub removing_replicas: Option<Vec<i32>>,
    pub adding_replicas: Option<Vec<i32>>,
    pub leader_recovery_state: i8,
    pub directories: Option<Vec<Uuid>>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

impl Default for PartitionChangeRecord {
    fn default() -> Self {
        Self {
            partition_id: -1,
            topic_id: Uuid::ZERO,
            isr: None,
            leader: -2,
            replicas: None,
            removing_replicas: None,
            adding_replicas: None,
            leader_recovery_state: -1,
            directories: None,
            eligible_leader_replicas: None,
            last_known_elr: None,
        }
    }
}

impl Message for PartitionChangeRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 2 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.partition_id = reader.i32()?;
        message.topic_id = reader.uuid()?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.isr = reader.nullable_array(true, 4, Reader::i32)?,
                1 => message.leader = reader.i32()?,
                2 => message.replicas = reader.nullable_array(true, 4, Reader::i32)?,
                3 => message.removing_replicas = reader.nullable_array(true, 4, Reader::i32)?,
                4 => message.adding_replicas = reader.nullable_array(true, 4, Reader::i32)?,
                5 => message.leader_recovery_state = reader.i8()?,
                8 if version >= 1 => {
                    message.directories = reader.nullable_array(true, 16, Reader::uuid)?
                }
                6 if version >= 2 => {
                    message.eligible_leader_replicas =
                        reader.nullable_array(true, 4, Reader::i32)?
                }
                7 if version >= 2 => {
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
        let mut tags = writer.tagged_fields();
        if self.isr.is_some() {
            tags.field(0, |writer| {
                writer.nullable_array(true, self.isr.as_deref(), |writer, value| {
                    writer.i32(*value)
                })
            });
        }
        if self.leader != -2 {
            tags.field(1, |writer| writer.i32(self.leader));
        }
        if self.replicas.is_some() {
            tags.field(2, |writer| {
                writer.nullable_array(true, self.replicas.as_deref(), |writer, value| {
                    writer.i32(*value)
                })
            });
        }
        if self.removing_replicas.is_some() {
            tags.field(3, |writer| {
                writer.nullable_array(true, self.removing_replicas.as_deref(), |writer, value| {
                    writer.i32(*value)
                })
            });
        }
        if self.adding_replicas.is_some() {
            tags.field(4, |writer| {
                writer.nullable_array(true, self.adding_replicas.as_deref(), |writer, value| {
                    writer.i32(*value)
                })
            });
        }
        if self.leader_recovery_state != -1 {
            tags.field(5, |writer| writer.i8(self.leader_recovery_state));
        }
        if version >= 2 && self.eligible_leader_replicas.is_some() {
            tags.field(6, |writer| {
                writer.nullable_array(
                    true,
                    self.eligible_leader_replicas.as_deref(),
                    |writer, value| writer.i32(*value),
                )
            });
        }
        if version >= 2 && self.last_known_elr.is_some() {
            tags.field(7, |writer| {
                writer.nullable_array(true, self.last_known_elr.as_deref(), |writer, value| {
                    writer.i32(*value)
                })
            });
        }
        if version >= 1 && self.directories.is_some() {
            tags.field(8, |writer| {
                writer.nullable_array(true, self.directories.as_deref(), |writer, value| {
                    writer.uuid(*value)
                })
            });
        }
        tags.finish();
    }
}

impl PartitionChangeRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 5;
}
