//! Generated from `schemas/66_list_transactions.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct ListTransactionsRequest {
    pub state_filters: Vec<String>,
    pub producer_id_filters: Vec<i64>,
    pub duration_filter: i64,
    pub transactional_id_pattern: Option<String>,
}

impl Default for ListTransactionsRequest {
    fn default() -> Self {
        Self {
            state_filters: Vec::new(),
            producer_id_filters: Vec::new(),
            duration_filter: -1,
            transactional_id_pattern: None,
        }
    }
}

impl Message for ListTransactionsRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 2 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.state_filters = reader.array(true, 1, Reader::compact_string)?;
        message.producer_id_filters = reader.array(true, 8, Reader::i64)?;
        if version >= 1 {
            message.duration_filter = reader.i64()?;
        }
        if version >= 2 {
            message.transactional_id_pattern = reader.compact_nullable_string()?;
        }
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.array(true, &self.state_filters, |writer, value| {
            writer.compact_string(value)
        });
        writer.array(true, &self.producer_id_filters, |writer, value| {
            writer.i64(*value)
        });
        if version >= 1 {
            writer.i64(self.duration_filter);
        }
        if version >= 2 {
            writer.compact_nullable_string(self.transactional_id_pattern.as_deref());
        }
        writer.empty_tagged_fields();
    }
}

impl Request for ListTransactionsRequest {
    const KEY: ApiKey = ApiKey::ListTransactions;
    type Response = super::list_transactions_response::ListTransactionsResponse;
}
