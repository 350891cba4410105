//! Generated from `schemas/15_describe_groups.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeGroupsRequest {
    pub groups: Vec<String>,
    pub include_authorized_operations: bool,
}

impl Message for DescribeGroupsRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 6 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 5;
        let mut message = Self::default();
        message.groups = reader.array(flexible, 1, |reader| reader.flex_string(flexible))?;
        if version >= 3 {
            message.include_authorized_operations = reader.bool()?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 5;
        writer.array(flexible, &self.groups, |writer, value| {
            writer.flex_string(flexible, value)
        });
        if version >= 3 {
            writer.bool(self.include_authorized_operations);
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for DescribeGroupsRequest {
    const KEY: ApiKey = ApiKey::DescribeGroups;
    type Response = super::describe_groups_response::DescribeGroupsResponse;
}
