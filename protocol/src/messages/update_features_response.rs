//! Generated from `schemas/57_update_features.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct UpdateFeaturesResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<String>,
    pub results: Vec<UpdatableFeatureResult>,
}

impl Default for UpdateFeaturesResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: Some(String::new()),
            results: Vec::new(),
        }
    }
}

impl Message for UpdateFeaturesResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 2 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.i16()?;
        message.error_message = reader.compact_nullable_string()?;
        if version <= 1 {
            message.results = reader.array(true, 5, |reader| {
                UpdatableFeatureResult::decode(reader, version)
            })?;
        }
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.throttle_time_ms);
        writer.i16(self.error_code);
        writer.compact_nullable_string(self.error_message.as_deref());
        if version <= 1 {
            writer.array(true, &self.results, |writer, value| {
                value.encode(writer, version)
            });
        }
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct UpdatableFeatureResult {
    pub feature: String,
    pub error_code: i16,
    pub error_message: Option<String>,
}

impl Default for UpdatableFeatureResult {
    fn default() -> Self {
        Self {
            feature: String::new(),
            error_code: 0,
            error_message: Some(String::new()),
        }
    }
}

impl UpdatableFeatureResult {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.feature = reader.compact_string()?;
        message.error_code = reader.i16()?;
        message.error_message = reader.compact_nullable_string()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.feature);
        writer.i16(self.error_code);
        writer.compact_nullable_string(self.error_message.as_deref());
        writer.empty_tagged_fields();
    }
}
