//! Generated from `schemas/38_create_delegation_token.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct CreateDelegationTokenRequest {
    pub owner_principal_type: Option<String>,
    pub owner_principal_name: Option<String>,
    pub renewers: Vec<CreatableRenewers>,
    pub max_lifetime_ms: i64,
}

impl Default for CreateDelegationTokenRequest {
    fn default() -> Self {
        Self {
            owner_principal_type: Some(String::new()),
            owner_principal_name: Some(String::new()),
            renewers: Vec::new(),
            max_lifetime_ms: 0,
        }
    }
}

impl Message for CreateDelegationTokenRequest {
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 3 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 2;
        let mut message = Self::default();
        if version >= 3 {
            message.owner_principal_type = reader.flex_nullable_string(flexible)?;
            message.owner_principal_name = reader.flex_nullable_string(flexible)?;
        }
        message.renewers = reader.array(flexible, 3, |reader| {
            CreatableRenewers::decode(reader, version)
        })?;
        message.max_lifetime_ms = reader.i64()?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 2;
        if version >= 3 {
            writer.flex_nullable_string(flexible, self.owner_principal_type.as_deref());
            writer.flex_nullable_string(flexible, self.owner_principal_name.as_deref());
        }
        writer.array(flexible, &self.renewers, |writer, value| {
            value.encode(writer, version)
        });
        writer.i64(self.max_lifetime_ms);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatableRenewers {
    pub principal_type: String,
    pub principal_name: String,
}

impl CreatableRenewers {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.principal_type = reader.flex_string(flexible)?;
        message.principal_name = reader.flex_string(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.flex_string(flexible, &self.principal_type);
        writer.flex_string(flexible, &self.principal_name);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for CreateDelegationTokenRequest {
    const KEY: ApiKey = ApiKey::CreateDelegationToken;
    type Response = super::create_delegation_token_response::CreateDelegationTokenResponse;
}
