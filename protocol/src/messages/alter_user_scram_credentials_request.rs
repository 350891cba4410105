//! Generated from `schemas/51_alter_user_scram_credentials.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlterUserScramCredentialsRequest {
    pub deletions: Vec<ScramCredentialDeletion>,
    pub upsertions: Vec<ScramCredentialUpsertion>,
}

impl Message for AlterUserScramCredentialsRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.deletions = reader.array(true, 3, |reader| {
            ScramCredentialDeletion::decode(reader, version)
        })?;
        message.upsertions = reader.array(true, 9, |reader| {
            ScramCredentialUpsertion::decode(reader, version)
        })?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.array(true, &self.deletions, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.upsertions, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScramCredentialDeletion {
    pub name: String,
    pub mechanism: i8,
}

impl ScramCredentialDeletion {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.mechanism = reader.i8()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.name);
        writer.i8(self.mechanism);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScramCredentialUpsertion {
    pub name: String,
    pub mechanism: i8,
    pub iterations: i32,
    pub salt: Bytes,
    pub salted_password: Bytes,
}

impl ScramCredentialUpsertion {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.mechanism = reader.i8()?;
        message.iterations = reader.i32()?;
        message.salt = reader.compact_bytes()?;
        message.salted_password = reader.compact_bytes()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.name);
        writer.i8(self.mechanism);
        writer.i32(self.iterations);
        writer.compact_bytes(&self.salt);
        writer.compact_bytes(&self.salted_password);
        writer.empty_tagged_fields();
    }
}

impl Request for AlterUserScramCredentialsRequest {
    const KEY: ApiKey = ApiKey::AlterUserScramCredentials;
    type Response = super::alter_user_scram_credentials_response::AlterUserScramCredentialsResponse;
}
