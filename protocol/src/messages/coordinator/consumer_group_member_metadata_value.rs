//! Generated from `schemas/coordinator/group_05_consumer_group_member_metadata.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerGroupMemberMetadataValue {
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub subscribed_topic_names: Vec<String>,
    pub subscribed_topic_regex: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<String>,
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

impl Default for ConsumerGroupMemberMetadataValue {
    fn default() -> Self {
        Self {
            instance_id: Some(String::new()),
            rack_id: Some(String::new()),
            client_id: String::new(),
            client_host: String::new(),
            subscribed_topic_names: Vec::new(),
            subscribed_topic_regex: Some(String::new()),
            rebalance_timeout_ms: -1,
            server_assignor: Some(String::new()),
            classic_member_metadata: Some(ClassicMemberMetadata::default()),
        }
    }
}

impl Message for ConsumerGroupMemberMetadataValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.instance_id = reader.compact_nullable_string()?;
        message.rack_id = reader.compact_nullable_string()?;
        message.client_id = reader.compact_string()?;
        message.client_host = reader.compact_string()?;
        message.subscribed_topic_names = reader.array(true, 1, Reader::compact_string)?;
        message.subscribed_topic_regex = reader.compact_nullable_string()?;
        message.rebalance_timeout_ms = reader.i32()?;
        message.server_assignor = reader.compact_nullable_string()?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => {
                    message.classic_member_metadata = reader.nullable_tagged_struct(|reader| {
                        ClassicMemberMetadata::decode(reader, version)
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
        writer.compact_nullable_string(self.instance_id.as_deref());
        writer.compact_nullable_string(self.rack_id.as_deref());
        writer.compact_string(&self.client_id);
        writer.compact_string(&self.client_host);
        writer.array(true, &self.subscribed_topic_names, |writer, value| {
            writer.compact_string(value)
        });
        writer.compact_nullable_string(self.subscribed_topic_regex.as_deref());
        writer.i32(self.rebalance_timeout_ms);
        writer.compact_nullable_string(self.server_assignor.as_deref());
        let mut tags = writer.tagged_fields();
        if self.classic_member_metadata != Some(ClassicMemberMetadata::default()) {
            tags.field(0, |writer| {
                writer.nullable_tagged_struct(
                    self.classic_member_metadata.as_ref(),
                    |writer, value| value.encode(writer, version),
                )
            });
        }
        tags.finish();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ClassicProtocol>,
}

impl ClassicMemberMetadata {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.session_timeout_ms = reader.i32()?;
        message.supported_protocols =
            reader.array(true, 3, |reader| ClassicProtocol::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.session_timeout_ms);
        writer.array(true, &self.supported_protocols, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassicProtocol {
    pub name: String,
    pub metadata: Bytes,
}

impl ClassicProtocol {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.metadata = reader.compact_bytes()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.name);
        writer.compact_bytes(&self.metadata);
        writer.empty_tagged_fields();
    }
}

impl ConsumerGroupMemberMetadataValue {
    /// The number of the record type.
    pub const TYPE: i16 = 5;
}
