//! Generated from `schemas/74_list_config_resources.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListConfigResourcesRequest {
    pub resource_types: Vec<i8>,
}

impl Message for ListConfigResourcesRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 1 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        if version >= 1 {
            message.resource_types = reader.array(true, 1, Reader::i8)?;
        }
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        if version >= 1 {
            writer.array(true, &self.resource_types, |writer, value| {
                writer.i8(*value)
            });
        }
        writer.empty_tagged_fields();
    }
}

impl Request for ListConfigResourcesRequest {
    const KEY: ApiKey = ApiKey::ListConfigResources;
    type Response = super::list_config_resources_response::ListConfigResourcesResponse;
}
