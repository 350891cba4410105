//! Generated from `schemas/coordinator/transaction_00_transaction_log.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct TransactionLogValue {
    pub producer_id: i64,
    pub previous_producer_id: i64,
    pub next_producer_id: i64,
    pub producer_epoch: i16,
    pub next_producer_epoch: i16,
    pub transaction_timeout_ms: i32,
    pub transaction_status: i8,
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    pub transaction_last_update_timestamp_ms: i64,
    pub transaction_start_timestamp_ms: i64,
    pub client_transaction_version: i16,
}

impl Default for TransactionLogValue {
    fn default() -> Self {
        Self {
            producer_id: 0,
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: 0,
            next_producer_epoch: -1,
            transaction_timeout_ms: 0,
            transaction_status: 0,
            transaction_partitions: Some(Vec::new()),
            transaction_last_update_timestamp_ms: 0,
            transaction_start_timestamp_ms: 0,
            client_transaction_version: 0,
        }
    }
}

impl Message for TransactionLogValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 1 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 1;
        let mut message = Self::default();
        message.producer_id = reader.i64()?;
        message.producer_epoch = reader.i16()?;
        message.transaction_timeout_ms = reader.i32()?;
        message.transaction_status = reader.i8()?;
        message.transaction_partitions = reader.nullable_array(flexible, 3, |reader| {
            PartitionsSchema::decode(reader, version)
        })?;
        message.transaction_last_update_timestamp_ms = reader.i64()?;
        message.transaction_start_timestamp_ms = reader.i64()?;
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 => message.previous_producer_id = reader.i64()?,
                    1 => message.next_producer_id = reader.i64()?,
                    3 => message.next_producer_epoch = reader.i16()?,
                    2 => message.client_transaction_version = reader.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 1;
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        writer.i32(self.transaction_timeout_ms);
        writer.i8(self.transaction_status);
        writer.nullable_array(
            flexible,
            self.transaction_partitions.as_deref(),
            |writer, value| value.encode(writer, version),
        );
        writer.i64(self.transaction_last_update_timestamp_ms);
        writer.i64(self.transaction_start_timestamp_ms);
        if flexible {
            let mut tags = writer.tagged_fields();
            if self.previous_producer_id != -1 {
                tags.field(0, |writer| writer.i64(self.previous_producer_id));
            }
            if self.next_producer_id != -1 {
                tags.field(1, |writer| writer.i64(self.next_producer_id));
            }
            if self.client_transaction_version != 0 {
                tags.field(2, |writer| writer.i16(self.client_transaction_version));
            }
            if self.next_producer_epoch != -1 {
                tags.field(3, |writer| writer.i16(self.next_producer_epoch));
            }
            tags.finish();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionsSchema {
    pub topic: String,
    pub partition_ids: Vec<i32>,
}

impl PartitionsSchema {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.topic = reader.flex_string(flexible)?;
        message.partition_ids = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.flex_string(flexible, &self.topic);
        writer.array(flexible, &self.partition_ids, |writer, value| {
            writer.i32(*value)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl TransactionLogValue {
    /// The number of the record type.
    pub const TYPE: i16 = 0;
}
