//! Generated from `schemas/10_find_coordinator.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct FindCoordinatorResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<String>,
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub coordinators: Vec<Coordinator>,
}

impl Default for FindCoordinatorResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: Some(String::new()),
            node_id: 0,
            host: String::new(),
            port: 0,
            coordinators: Vec::new(),
        }
    }
}

impl Message for FindCoordinatorResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 6 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        if version <= 3 {
            message.error_code = reader.i16()?;
        }
        if (1..=3).contains(&version) {
            message.error_message = reader.flex_nullable_string(flexible)?;
        }
        if version <= 3 {
            message.node_id = reader.i32()?;
            message.host = reader.flex_string(flexible)?;
            message.port = reader.i32()?;
        }
        if version >= 4 {
            message.coordinators =
                reader.array(flexible, 14, |reader| Coordinator::decode(reader, version))?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 3;
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        if version <= 3 {
            writer.i16(self.error_code);
        }
        if (1..=3).contains(&version) {
            writer.flex_nullable_string(flexible, self.error_message.as_deref());
        }
        if version <= 3 {
            writer.i32(self.node_id);
            writer.flex_string(flexible, &self.host);
            writer.i32(self.port);
        }
        if version >= 4 {
            writer.array(flexible, &self.coordinators, |writer, value| {
                value.encode(writer, version)
            });
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Coordinator {
    pub key: String,
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub error_code: i16,
    pub error_message: Option<String>,
}

impl Default for Coordinator {
    fn default() -> Self {
        Self {
            key: String::new(),
            node_id: 0,
            host: String::new(),
            port: 0,
            error_code: 0,
            error_message: Some(String::new()),
        }
    }
}

impl Coordinator {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.key = reader.compact_string()?;
        message.node_id = reader.i32()?;
        message.host = reader.compact_string()?;
        message.port = reader.i32()?;
        message.error_code = reader.i16()?;
        message.error_message = reader.compact_nullable_string()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.key);
        writer.i32(self.node_id);
        writer.compact_string(&self.host);
        writer.i32(self.port);
        writer.i16(self.error_code);
        writer.compact_nullable_string(self.error_message.as_deref());
        writer.empty_tagged_fields();
    }
}
