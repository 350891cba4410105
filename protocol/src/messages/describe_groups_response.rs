//! Generated from `schemas/15_describe_groups.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeGroupsResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

impl Message for DescribeGroupsResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 6 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 5;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.groups = reader.array(flexible, 12, |reader| {
            DescribedGroup::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 5;
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        writer.array(flexible, &self.groups, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribedGroup {
    pub error_code: i16,
    pub error_message: Option<String>,
    pub group_id: String,
    pub group_state: String,
    pub protocol_type: String,
    pub protocol_data: String,
    pub members: Vec<DescribedGroupMember>,
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: None,
            group_id: String::new(),
            group_state: String::new(),
            protocol_type: String::new(),
            protocol_data: String::new(),
            members: Vec::new(),
            authorized_operations: i32::MIN,
        }
    }
}

impl DescribedGroup {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.error_code = reader.i16()?;
        if version >= 6 {
            message.error_message = reader.flex_nullable_string(flexible)?;
        }
        message.group_id = reader.flex_string(flexible)?;
        message.group_state = reader.flex_string(flexible)?;
        message.protocol_type = reader.flex_string(flexible)?;
        message.protocol_data = reader.flex_string(flexible)?;
        message.members = reader.array(flexible, 7, |reader| {
            DescribedGroupMember::decode(reader, version)
        })?;
        if version >= 3 {
            message.authorized_operations = reader.i32()?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.i16(self.error_code);
        if version >= 6 {
            writer.flex_nullable_string(flexible, self.error_message.as_deref());
        }
        writer.flex_string(flexible, &self.group_id);
        writer.flex_string(flexible, &self.group_state);
        writer.flex_string(flexible, &self.protocol_type);
        writer.flex_string(flexible, &self.protocol_data);
        writer.array(flexible, &self.members, |writer, value| {
            value.encode(writer, version)
        });
        if version >= 3 {
            writer.i32(self.authorized_operations);
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribedGroupMember {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub member_metadata: Bytes,
    pub member_assignment: Bytes,
}

impl DescribedGroupMember {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.member_id = reader.flex_string(flexible)?;
        if version >= 4 {
            message.group_instance_id = reader.flex_nullable_string(flexible)?;
        }
        message.client_id = reader.flex_string(flexible)?;
        message.client_host = reader.flex_string(flexible)?;
        message.member_metadata = reader.flex_bytes(flexible)?;
        message.member_assignment = reader.flex_bytes(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.flex_string(flexible, &self.member_id);
        if version >= 4 {
            writer.flex_nullable_string(flexible, self.group_instance_id.as_deref());
        }
        writer.flex_string(flexible, &self.client_id);
        writer.flex_string(flexible, &self.client_host);
        writer.flex_bytes(flexible, &self.member_metadata);
        writer.flex_bytes(flexible, &self.member_assignment);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}
