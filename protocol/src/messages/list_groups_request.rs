//! Generated from `schemas/16_list_groups.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListGroupsRequest {
    pub states_filter: Vec<String>,
    pub types_filter: Vec<String>,
}

impl Message for ListGroupsRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 5 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 4 {
            message.states_filter =
                reader.array(flexible, 1, |reader| reader.flex_string(flexible))?;
        }
        if version >= 5 {
            message.types_filter =
                reader.array(flexible, 1, |reader| reader.flex_string(flexible))?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 3;
        if version >= 4 {
            writer.array(flexible, &self.states_filter, |writer, value| {
                writer.flex_string(flexible, value)
            });
        }
        if version >= 5 {
            writer.array(flexible, &self.types_filter, |writer, value| {
                writer.flex_string(flexible, value)
            });
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for ListGroupsRequest {
    const KEY: ApiKey = ApiKey::ListGroups;
    type Response = super::list_groups_response::ListGroupsResponse;
}
