//! Generated from `schemas/60_describe_cluster.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeClusterResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<String>,
    pub endpoint_type: i8,
    pub cluster_id: String,
    pub controller_id: i32,
    pub brokers: Vec<DescribeClusterBroker>,
    pub cluster_authorized_operations: i32,
}

impl Default for DescribeClusterResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: None,
            endpoint_type: 1,
            cluster_id: String::new(),
            controller_id: -1,
            brokers: Vec::new(),
            cluster_authorized_operations: i32::MIN,
        }
    }
}

impl Message for DescribeClusterResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 2 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.i16()?;
        message.error_message = reader.compact_nullable_string()?;
        if version >= 1 {
            message.endpoint_type = reader.i8()?;
        }
        message.cluster_id = reader.compact_string()?;
        message.controller_id = reader.i32()?;
        message.brokers = reader.array(true, 11, |reader| {
            DescribeClusterBroker::decode(reader, version)
        })?;
        message.cluster_authorized_operations = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.throttle_time_ms);
        writer.i16(self.error_code);
        writer.compact_nullable_string(self.error_message.as_deref());
        if version >= 1 {
            writer.i8(self.endpoint_type);
        }
        writer.compact_string(&self.cluster_id);
        writer.i32(self.controller_id);
        writer.array(true, &self.brokers, |writer, value| {
            value.encode(writer, version)
        });
        writer.i32(self.cluster_authorized_operations);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeClusterBroker {
    pub broker_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
    pub is_fenced: bool,
}

impl DescribeClusterBroker {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        message.host = reader.compact_string()?;
        message.port = reader.i32()?;
        message.rack = reader.compact_nullable_string()?;
        if version >= 2 {
            message.is_fenced = reader.bool()?;
        }
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.broker_id);
        writer.compact_string(&self.host);
        writer.i32(self.port);
        writer.compact_nullable_string(self.rack.as_deref());
        if version >= 2 {
            writer.bool(self.is_fenced);
        }
        writer.empty_tagged_fields();
    }
}
