//! Generated from `schemas/62_broker_registration.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct BrokerRegistrationRequest {
    pub broker_id: i32,
    pub cluster_id: String,
    pub incarnation_id: Uuid,
    pub listeners: Vec<Listener>,
    pub features: Vec<Feature>,
    pub rack: Option<String>,
    pub is_migrating_zk_broker: bool,
    pub log_dirs: Vec<Uuid>,
    pub previous_broker_epoch: i64,
}

impl Default for BrokerRegistrationRequest {
    fn default() -> Self {
        Self {
            broker_id: 0,
            cluster_id: String::new(),
            incarnation_id: Uuid::ZERO,
            listeners: Vec::new(),
            features: Vec::new(),
            rack: Some(String::new()),
            is_migrating_zk_broker: false,
            log_dirs: Vec::new(),
            previous_broker_epoch: -1,
        }
    }
}

impl Message for BrokerRegistrationRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 4 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        message.cluster_id = reader.compact_string()?;
        message.incarnation_id = reader.uuid()?;
        message.listeners = reader.array(true, 7, |reader| Listener::decode(reader, version))?;
        message.features = reader.array(true, 6, |reader| Feature::decode(reader, version))?;
        message.rack = reader.compact_nullable_string()?;
        if version >= 1 {
            message.is_migrating_zk_broker = reader.bool()?;
        }
        if version >= 2 {
            message.log_dirs = reader.array(true, 16, Reader::uuid)?;
        }
        if version >= 3 {
            message.previous_broker_epoch = reader.i64()?;
        }
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.broker_id);
        writer.compact_string(&self.cluster_id);
        writer.uuid(self.incarnation_id);
        writer.array(true, &self.listeners, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.features, |writer, value| {
            value.encode(writer, version)
        });
        writer.compact_nullable_string(self.rack.as_deref());
        if version >= 1 {
            writer.bool(self.is_migrating_zk_broker);
        }
        if version >= 2 {
            writer.array(true, &self.log_dirs, |writer, value| writer.uuid(*value));
        }
        if version >= 3 {
            writer.i64(self.previous_broker_epoch);
        }
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listener {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security_protocol: i16,
}

impl Listener {
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
pub struct Feature {
    pub name: String,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

impl Feature {
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

impl Request for BrokerRegistrationRequest {
    const KEY: ApiKey = ApiKey::BrokerRegistration;
    type Response = super::broker_registration_response::BrokerRegistrationResponse;
}
