//! Generated from `schemas/18_api_versions.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct ApiVersionsResponse {
    pub error_code: i16,
    pub api_keys: Vec<ApiVersion>,
    pub throttle_time_ms: i32,
    pub supported_features: Vec<SupportedFeatureKey>,
    pub finalized_features_epoch: i64,
    pub finalized_features: Vec<FinalizedFeatureKey>,
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse {
    fn default() -> Self {
        Self {
            error_code: 0,
            api_keys: Vec::new(),
            throttle_time_ms: 0,
            supported_features: Vec::new(),
            finalized_features_epoch: -1,
            finalized_features: Vec::new(),
            zk_migration_ready: false,
        }
    }
}

impl Message for ApiVersionsResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 4 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 3;
        let mut message = Self::default();
        message.error_code = reader.i16()?;
        message.api_keys =
            reader.array(flexible, 6, |reader| ApiVersion::decode(reader, version))?;
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 => {
                        message.supported_features = reader.array(true, 6, |reader| {
                            SupportedFeatureKey::decode(reader, version)
                        })?
                    }
                    1 => message.finalized_features_epoch = reader.i64()?,
                    2 => {
                        message.finalized_features = reader.array(true, 6, |reader| {
                            FinalizedFeatureKey::decode(reader, version)
                        })?
                    }
                    3 => message.zk_migration_ready = reader.bool()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 3;
        writer.i16(self.error_code);
        writer.array(flexible, &self.api_keys, |writer, value| {
            value.encode(writer, version)
        });
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        if flexible {
            let mut tags = writer.tagged_fields();
            if !self.supported_features.is_empty() {
                tags.field(0, |writer| {
                    writer.array(true, &self.supported_features, |writer, value| {
                        value.encode(writer, version)
                    })
                });
            }
            if self.finalized_features_epoch != -1 {
                tags.field(1, |writer| writer.i64(self.finalized_features_epoch));
            }
            if !self.finalized_features.is_empty() {
                tags.field(2, |writer| {
                    writer.array(true, &self.finalized_features, |writer, value| {
                        value.encode(writer, version)
                    })
                });
            }
            if self.zk_migration_ready {
                tags.field(3, |writer| writer.bool(self.zk_migration_ready));
            }
            tags.finish();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ApiVersion {
    pub api_key: i16,
    pub min_version: i16,
    pub max_version: i16,
}

impl ApiVersion {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.api_key = reader.i16()?;
        message.min_version = reader.i16()?;
        message.max_version = reader.i16()?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.i16(self.api_key);
        writer.i16(self.min_version);
        writer.i16(self.max_version);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SupportedFeatureKey {
    pub name: String,
    pub min_version: i16,
    pub max_version: i16,
}

impl SupportedFeatureKey {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.min_version = reader.i16()?;
        message.max_version = reader.i16()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.name);
        writer.i16(self.min_version);
        writer.i16(self.max_version);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FinalizedFeatureKey {
    pub name: String,
    pub max_version_level: i16,
    pub min_version_level: i16,
}

impl FinalizedFeatureKey {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.max_version_level = reader.i16()?;
        message.min_version_level = reader.i16()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.name);
        writer.i16(self.max_version_level);
        writer.i16(self.min_version_level);
        writer.empty_tagged_fields();
    }
}
