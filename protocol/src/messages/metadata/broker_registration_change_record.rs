//! Generated from `schemas/metadata/17_broker_registration_change_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct BrokerRegistrationChangeRecord {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub fenced: i8,
    pub in_controlled_shutdown: i8,
    pub log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl Message for BrokerRegistrationChangeRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 3 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        message.broker_epoch = reader.i64()?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.fenced = reader.i8()?,
                1 if version >= 1 => message.in_controlled_shutdown = reader.i8()?,
                2 if version >= 2 => message.log_dirs = reader.array(true, 16, Reader::uuid)?,
                3 if version >= 3 => {
                    message.cordoned_log_dirs = reader.nullable_array(true, 16, Reader::uuid)?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.broker_id);
        writer.i64(self.broker_epoch);
        let mut tags = writer.tagged_fields();
        if self.fenced != 0 {
            tags.field(0, |writer| writer.i8(self.fenced));
        }
        if version >= 1 && self.in_controlled_shutdown != 0 {
            tags.field(1, |writer| writer.i8(self.in_controlled_shutdown));
        }
        if version >= 2 && !self.log_dirs.is_empty() {
            tags.field(2, |writer| {
                writer.array(true, &self.log_dirs, |writer, value| writer.uuid(*value))
            });
        }
        if version >= 3 && self.cordoned_log_dirs.is_some() {
            tags.field(3, |writer| {
                writer.nullable_array(true, self.cordoned_log_dirs.as_deref(), |writer, value| {
                    writer.uuid(*value)
                })
            });
        }
        tags.finish();
    }
}

impl BrokerRegistrationChangeRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 17;
}
