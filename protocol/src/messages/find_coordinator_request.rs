//! Generated from `schemas/10_find_coordinator.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FindCoordinatorRequest {
    pub key: String,
    pub key_type: i8,
    pub coordinator_keys: Vec<String>,
}

impl Message for FindCoordinatorRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 6 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 3;
        let mut message = Self::default();
        if version <= 3 {
            message.key = reader.flex_string(flexible)?;
        }
        if version >= 1 {
            message.key_type = reader.i8()?;
        }
        if version >= 4 {
            message.coordinator_keys =
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
        if version <= 3 {
            writer.flex_string(flexible, &self.key);
        }
        if version >= 1 {
            writer.i8(self.key_type);
        }
        if version >= 4 {
            writer.array(flexible, &self.coordinator_keys, |writer, value| {
                writer.flex_string(flexible, value)
            });
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for FindCoordinatorRequest {
    const KEY: ApiKey = ApiKey::FindCoordinator;
    type Response = super::find_coordinator_response::FindCoordinatorResponse;
}
