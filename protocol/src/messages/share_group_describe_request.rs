//! Generated from `schemas/77_share_group_describe.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupDescribeRequest {
    pub group_ids: Vec<String>,
    pub include_authorized_operations: bool,
}

impl Message for ShareGroupDescribeRequest {
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 1 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.group_ids = reader.array(true, 1, Reader::compact_string)?;
        message.include_authorized_operations = reader.bool()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.array(true, &self.group_ids, |writer, value| {
            writer.compact_string(value)
        });
        writer.bool(self.include_authorized_operations);
        writer.empty_tagged_fields();
    }
}

impl Request for ShareGroupDescribeRequest {
    const KEY: ApiKey = ApiKey::ShareGroupDescribe;
    type Response = super::share_group_describe_response::ShareGroupDescribeResponse;
}
