//! Generated from `schemas/metadata/18_access_control_entry_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AccessControlEntryRecord {
    pub id: Uuid,
    pub resource_type: i8,
    pub resource_name: String,
    pub pattern_type: i8,
    pub principal: String,
    pub host: String,
    pub operation: i8,
    pub permission_type: i8,
}

impl Message for AccessControlEntryRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.id = reader.uuid()?;
        message.resource_type = reader.i8()?;
        message.resource_name = reader.compact_string()?;
        message.pattern_type = reader.i8()?;
        message.principal = reader.compact_string()?;
        message.host = reader.compact_string()?;
        message.operation = reader.i8()?;
        message.permission_type = reader.i8()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.uuid(self.id);
        writer.i8(self.resource_type);
        writer.compact_string(&self.resource_name);
        writer.i8(self.pattern_type);
        writer.compact_string(&self.principal);
        writer.compact_string(&self.host);
        writer.i8(self.operation);
        writer.i8(self.permission_type);
        writer.empty_tagged_fields();
    }
}

impl AccessControlEntryRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 18;
}
