//! Generated from `schemas/29_describe_acls.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeAclsRequest {
    pub resource_type_filter: i8,
    pub resource_name_filter: Option<String>,
    pub pattern_type_filter: i8,
    pub principal_filter: Option<String>,
    pub host_filter: Option<String>,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DescribeAclsRequest {
    fn default() -> Self {
        Self {
            resource_type_filter: 0,
            resource_name_filter: Some(String::new()),
            pattern_type_filter: 3,
            principal_filter: Some(String::new()),
            host_filter: Some(String::new()),
            operation: 0,
            permission_type: 0,
        }
    }
}

impl Message for DescribeAclsRequest {
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 3 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 2;
        let mut message = Self::default();
        message.resource_type_filter = reader.i8()?;
        message.resource_name_filter = reader.flex_nullable_string(flexible)?;
        message.pattern_type_filter = reader.i8()?;
        message.principal_filter = reader.flex_nullable_string(flexible)?;
        message.host_filter = reader.flex_nullable_string(flexible)?;
        message.operation = reader.i8()?;
        message.permission_type = reader.i8()?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 2;
        writer.i8(self.resource_type_filter);
        writer.flex_nullable_string(flexible, self.resource_name_filter.as_deref());
        writer.i8(self.pattern_type_filter);
        writer.flex_nullable_string(flexible, self.principal_filter.as_deref());
        writer.flex_nullable_string(flexible, self.host_filter.as_deref());
        writer.i8(self.operation);
        writer.i8(self.permission_type);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for DescribeAclsRequest {
    const KEY: ApiKey = ApiKey::DescribeAcls;
    type Response = super::describe_acls_response::DescribeAclsResponse;
}
