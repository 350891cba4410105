//! Generated from `schemas/63_broker_heartbeat.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct BrokerHeartbeatRequest {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub current_metadata_offset: i64,
    pub want_fence: bool,
    pub want_shut_down: bool,
    pub offline_log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl Default for BrokerHeartbeatRequest {
    fn default() -> Self {
        Self {
            broker_id: 0,
            broker_epoch: -1,
            current_metadata_offset: 0,
            want_fence: false,
            want_shut_down: false,
            offline_log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        }
    }
}

impl Message for BrokerHeartbeatRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 2 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        message.broker_epoch = reader.i64()?;
        message.current_metadata_offset = reader.i64()?;
        message.want_fence = reader.bool()?;
        message.want_shut_down = reader.bool()?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 if version >= 1 => {
                    message.offline_log_dirs = reader.array(true, 16, Reader::uuid)?
                }
                1 if version >= 2 => {
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
        writer.i64(self.current_metadata_offset);
        writer.bool(self.want_fence);
        writer.bool(self.want_shut_down);
        let mut tags = writer.tagged_fields();
        if version >= 1 && !self.offline_log_dirs.is_empty() {
            tags.field(0, |writer| {
                writer.array(true, &self.offline_log_dirs, |writer, value| {
                    writer.uuid(*value)
                })
            });
        }
        if version >= 2 && self.cordoned_log_dirs.is_some() {
            tags.field(1, |writer| {
                writer.nullable_array(true, self.cordoned_log_dirs.as_deref(), |writer, value| {
                    writer.uuid(*value)
                })
            });
        }
        tags.finish();
    }
}

impl Request for BrokerHeartbeatRequest {
    const KEY: ApiKey = ApiKey::BrokerHeartbeat;
    type Response = super::broker_heartbeat_response::BrokerHeartbeatResponse;
}
