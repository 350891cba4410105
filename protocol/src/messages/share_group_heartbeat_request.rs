//! Generated from `schemas/76_share_group_heartbeat.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupHeartbeatRequest {
    pub group_id: String,
    pub member_id: String,
    pub member_epoch: i32,
    pub rack_id: Option<String>,
    pub subscribed_topic_names: Option<Vec<String>>,
}

impl Message for ShareGroupHeartbeatRequest {
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 1 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.group_id = reader.compact_string()?;
        message.member_id = reader.compact_string()?;
        message.member_epoch = reader.i32()?;
        message.rack_id = reader.compact_nullable_string()?;
        message.subscribed_topic_names = reader.nullable_array(true, 1, Reader::compact_string)?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.compact_string(&self.group_id);
        writer.compact_string(&self.member_id);
        writer.i32(self.member_epoch);
        writer.compact_nullable_string(self.rack_id.as_deref());
        writer.nullable_array(
            true,
            self.subscribed_topic_names.as_deref(),
            |writer, value| writer.compact_string(value),
        );
        writer.empty_tagged_fields();
    }
}

impl Request for ShareGroupHeartbeatRequest {
    const KEY: ApiKey = ApiKey::ShareGroupHeartbeat;
    type Response = super::share_group_heartbeat_response::ShareGroupHeartbeatResponse;
}
