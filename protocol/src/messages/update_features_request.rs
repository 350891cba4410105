//! Generated from `schemas/57_update_features.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct UpdateFeaturesRequest {
    pub timeout_ms: i32,
    pub feature_updates: Vec<FeatureUpdateKey>,
    pub validate_only: bool,
}

impl Default for UpdateFeaturesRequest {
    fn default() -> Self {
        Self {
            timeout_ms: 60_000,
            feature_updates: Vec::new(),
            validate_only: false,
        }
    }
}

impl Message for UpdateFeaturesRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 2 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.timeout_ms = reader.i32()?;
        message.feature_updates =
            reader.array(true, 5, |reader| FeatureUpdateKey::decode(reader, version))?;
        if version >= 1 {
            message.validate_only = reader.bool()?;
        }
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.timeout_ms);
        writer.array(true, &self.feature_updates, |writer, value| {
            value.encode(writer, version)
        });
        if version >= 1 {
            writer.bool(self.validate_only);
        }
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct FeatureUpdateKey {
    pub feature: String,
    pub max_version_level: i16,
    pub allow_downgrade: bool,
    pub upgrade_type: i8,
}

impl Default for FeatureUpdateKey {
    fn default() -> Self {
        Self {
            feature: String::new(),
            max_version_level: 0,
            allow_downgrade: false,
            upgrade_type: 1,
        }
    }
}

impl FeatureUpdateKey {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.feature = reader.compact_string()?;
        message.max_version_level = reader.i16()?;
        if version <= 0 {
            message.allow_downgrade = reader.bool()?;
        }
        if version >= 1 {
            message.upgrade_type = reader.i8()?;
        }
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.compact_string(&self.feature);
        writer.i16(self.max_version_level);
        if version <= 0 {
            writer.bool(self.allow_downgrade);
        }
        if version >= 1 {
            writer.i8(self.upgrade_type);
        }
        writer.empty_tagged_fields();
    }
}

impl Request for UpdateFeaturesRequest {
    const KEY: ApiKey = ApiKey::UpdateFeatures;
    type Response = super::update_features_response::UpdateFeaturesResponse;
}
