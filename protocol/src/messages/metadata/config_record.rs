//! Generated from `schemas/metadata/04_config_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct ConfigRecord {
    pub resource_type: i8,
    pub resource_name: String,
    pub name: String,
    pub value: Option<String>,
}

impl Default for ConfigRecord {
    fn default() -> Self {
        Self {
            resource_type: 0,
            resource_name: String::new(),
            name: String::new(),
            value: Some(String::new()),
        }
    }
}

impl Message for ConfigRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.resource_type = reader.i8()?;
        message.resource_name = reader.compact_string()?;
        message.name = reader.compact_string()?;
        message.value = reader.compact_nullable_string()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i8(self.resource_type);
        writer.compact_string(&self.resource_name);
        writer.compact_string(&self.name);
        writer.compact_nullable_string(self.value.as_deref());
        writer.empty_tagged_fields();
    }
}

impl ConfigRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 4;
}
