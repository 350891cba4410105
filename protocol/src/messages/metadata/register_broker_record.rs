//! Generated from `schemas/metadata/00_register_broker_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct RegisterBrokerRecord {
    pub broker_id: i32,
    pub is_migrating_zk_broker: bool,
    pub incarnation_id: Uuid,
    pub broker_epoch: i64,
    pub end_points: Vec<BrokerEndpoint>,
    pub features: Vec<BrokerFeature>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    pub log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl Default for RegisterBrokerRecord {
    fn default() -> Self {
        Self {
            broker_id: 0,
            is_migrating_zk_broker: false,
            incarnation_id: Uuid::ZERO,
            broker_epoch: 0,
            end_points: Vec::new(),
            features: Vec::new(),
            rack: Some(String::new()),
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        }
    }
}

impl Message for RegisterBrokerRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 4 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        if version >= 2 {
            message.is_migrating_zk_broker = reader.bool()?;
        }
        message.incarnation_id = reader.uuid()?;
        message.broker_epoch = reader.i64()?;
        message.end_points =
            reader.array(true, 7, |reader| BrokerEndpoint::decode(reader, version))?;
        message.features =
            reader.array(true, 6, |reader| BrokerFeature::decode(reader, version))?;
        message.rack = reader.compact_nullable_string()?;
        message.fenced = reader.bool()?;
        if version >= 1 {
            message.in_controlled_shutdown = reader.bool()?;
        }
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 if version >= 3 => message.log_dirs = reader.array(true, 16, Reader::uuid)?,
                1 if version >= 4 => {
                    message.cordoned_log_dirs = reader.nullable_array(true, 16, Reader::uuid)?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.broker_id);
        if version >= 2 {
            writer.bool(self.is_migrating_zk_broker);
        }
        writer.uuid(self.incarnation_id);
        writer.i64(self.broker_epoch);
        writer.array(true, &self.end_points, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.features, |writer, value| {
            value.encode(writer, version)
        });
        writer.compact_nullable_string(self.rack.as_deref());
        writer.bool(self.fenced);
        if version >= 1 {
            writer.bool(self.in_controlled_shutdown);
        }
        let mut tags = writer.tagged_fields();
        if version >= 3 && !self.log_dirs.is_empty() {
            tags.field(0, |writer| {
                writer.array(true, &self.log_dirs, |writer, value| writer.uuid(*value))
            });
        }
        if version >= 4 && self.cordoned_log_dirs.is_some() {
            tags.field(1, |writer| {
                writer.nullable_array(true, self.cordoned_log_dirs.as_deref(), |writer, value| {
                    writer.uuid(*value)
                })
            });
        }
        tags.finish();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct BrokerEndpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security_protocol: i16,
}

impl BrokerEndpoint {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.host = reader.compact_string()?;
        message.port = reader.u16()?;
        message.security_protocol = reader.i16()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.name);
        writer.compact_string(&self.host);
        writer.u16(self.port);
        writer.i16(self.security_protocol);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct BrokerFeature {
    pub name: String,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

impl BrokerFeature {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.min_supported_version = reader.i16()?;
        message.max_supported_version = reader.i16()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.name);
        writer.i16(self.min_supported_version);
        writer.i16(self.max_supported_version);
        writer.empty_tagged_fields();
    }
}

impl RegisterBrokerRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 0;
}
