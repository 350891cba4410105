//! Generated from `schemas/coordinator/group_17_streams_group_metadata.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct StreamsGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
    pub validated_topology_epoch: i32,
    pub last_assignment_configs: Option<Vec<LastAssignmentConfig>>,
}

impl Default for StreamsGroupMetadataValue {
    fn default() -> Self {
        Self {
            epoch: 0,
            metadata_hash: 0,
            validated_topology_epoch: -1,
            last_assignment_configs: Some(Vec::new()),
        }
    }
}

impl Message for StreamsGroupMetadataValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.epoch = reader.i32()?;
        message.metadata_hash = reader.i64()?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.validated_topology_epoch = reader.i32()?,
                1 => {
                    message.last_assignment_configs = reader.nullable_array(true, 3, |reader| {
                        LastAssignmentConfig::decode(reader, version)
                    })?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.epoch);
        writer.i64(self.metadata_hash);
        let mut tags = writer.tagged_fields();
        if self.validated_topology_epoch != -1 {
            tags.field(0, |writer| writer.i32(self.validated_topology_epoch));
        }
        if self
            .last_assignment_configs
            .as_ref()
            .is_none_or(|value| !value.is_empty())
        {
            tags.field(1, |writer| {
                writer.nullable_array(
                    true,
                    self.last_assignment_configs.as_deref(),
                    |writer, value| value.encode(writer, version),
                )
            });
        }
        tags.finish();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct LastAssignmentConfig {
    pub key: String,
    pub value: String,
}

impl LastAssignmentConfig {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.key = reader.compact_string()?;
        message.value = reader.compact_string()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.key);
        writer.compact_string(&self.value);
        writer.empty_tagged_fields();
    }
}

impl StreamsGroupMetadataValue {
    /// The number of the record type.
    pub const TYPE: i16 = 17;
}
