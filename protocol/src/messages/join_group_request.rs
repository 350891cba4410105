//! Generated from `schemas/11_join_group.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct JoinGroupRequest {
    pub group_id: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub protocol_type: String,
    pub protocols: Vec<JoinGroupRequestProtocol>,
    pub reason: Option<String>,
}

impl Default for JoinGroupRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: -1,
            member_id: String::new(),
            group_instance_id: None,
            protocol_type: String::new(),
            protocols: Vec::new(),
            reason: None,
        }
    }
}

impl Message for JoinGroupRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 9 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 6;
        let mut message = Self::default();
        message.group_id = reader.flex_string(flexible)?;
        message.session_timeout_ms = reader.i32()?;
        if version >= 1 {
            message.rebalance_timeout_ms = reader.i32()?;
        }
        message.member_id = reader.flex_string(flexible)?;
        if version >= 5 {
            message.group_instance_id = reader.flex_nullable_string(flexible)?;
        }
        message.protocol_type = reader.flex_string(flexible)?;
        message.protocols = reader.array(flexible, 3, |reader| {
            JoinGroupRequestProtocol::decode(reader, version)
        })?;
        if version >= 8 {
            message.reason = reader.flex_nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 6;
        writer.flex_string(flexible, &self.group_id);
        writer.i32(self.session_timeout_ms);
        if version >= 1 {
            writer.i32(self.rebalance_timeout_ms);
        }
        writer.flex_string(flexible, &self.member_id);
        if version >= 5 {
            writer.flex_nullable_string(flexible, self.group_instance_id.as_deref());
        }
        writer.flex_string(flexible, &self.protocol_type);
        writer.array(flexible, &self.protocols, |writer, value| {
            value.encode(writer, version)
        });
        if version >= 8 {
            writer.flex_nullable_string(flexible, self.reason.as_deref());
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct JoinGroupRequestProtocol {
    pub name: String,
    pub metadata: Bytes,
}

impl JoinGroupRequestProtocol {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.name = reader.flex_string(flexible)?;
        message.metadata = reader.flex_bytes(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.flex_string(flexible, &self.name);
        writer.flex_bytes(flexible, &self.metadata);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for JoinGroupRequest {
    const KEY: ApiKey = ApiKey::JoinGroup;
    type Response = super::join_group_response::JoinGroupResponse;
}
