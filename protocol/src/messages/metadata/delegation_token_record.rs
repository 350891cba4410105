//! Generated from `schemas/metadata/10_delegation_token_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DelegationTokenRecord {
    pub owner: String,
    pub requester: String,
    pub renewers: Vec<String>,
    pub issue_timestamp: i64,
    pub max_timestamp: i64,
    pub expiration_timestamp: i64,
    pub token_id: String,
}

impl Message for DelegationTokenRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.owner = reader.compact_string()?;
        message.requester = reader.compact_string()?;
        message.renewers = reader.array(true, 1, Reader::compact_string)?;
        message.issue_timestamp = reader.i64()?;
        message.max_timestamp = reader.i64()?;
        message.expiration_timestamp = reader.i64()?;
        message.token_id = reader.compact_string()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.compact_string(&self.owner);
        writer.compact_string(&self.requester);
        writer.array(true, &self.renewers, |writer, value| {
            writer.compact_string(value)
        });
        writer.i64(self.issue_timestamp);
        writer.i64(self.max_timestamp);
        writer.i64(self.expiration_timestamp);
        writer.compact_string(&self.token_id);
        writer.empty_tagged_fields();
    }
}

impl DelegationTokenRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 10;
}
