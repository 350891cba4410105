//! Generated from `schemas/coordinator/transaction_00_transaction_log.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransactionLogKey {
    pub transactional_id: String,
}

impl Message for TransactionLogKey {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.transactional_id = reader.string()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.string(&self.transactional_id);
    }
}

impl TransactionLogKey {
    /// The number of the record type.
    pub const TYPE: i16 = 0;
}
