//! Generated from `schemas/24_add_partitions_to_txn.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnRequest {
    pub transactions: Vec<AddPartitionsToTxnTransaction>,
    pub v3_and_below_transactional_id: String,
    pub v3_and_below_producer_id: i64,
    pub v3_and_below_producer_epoch: i16,
    pub v3_and_below_topics: Vec<AddPartitionsToTxnTopic>,
}

impl Message for AddPartitionsToTxnRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 5 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 4 {
            message.transactions = reader.array(flexible, 14, |reader| {
                AddPartitionsToTxnTransaction::decode(reader, version)
            })?;
        }
        if version <= 3 {
            message.v3_and_below_transactional_id = reader.flex_string(flexible)?;
            message.v3_and_below_producer_id = reader.i64()?;
            message.v3_and_below_producer_epoch = reader.i16()?;
            message.v3_and_below_topics = reader.array(flexible, 3, |reader| {
                AddPartitionsToTxnTopic::decode(reader, version)
            })?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 3;
        if version >= 4 {
            writer.array(flexible, &self.transactions, |writer, value| {
                value.encode(writer, version)
            });
        }
        if version <= 3 {
            writer.flex_string(flexible, &self.v3_and_below_transactional_id);
            writer.i64(self.v3_and_below_producer_id);
            writer.i16(self.v3_and_below_producer_epoch);
            writer.array(flexible, &self.v3_and_below_topics, |writer, value| {
                value.encode(writer, version)
            });
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnTransaction {
    pub transactional_id: String,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub verify_only: bool,
    pub topics: Vec<AddPartitionsToTxnTopic>,
}

impl AddPartitionsToTxnTransaction {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.transactional_id = reader.compact_string()?;
        message.producer_id = reader.i64()?;
        message.producer_epoch = reader.i16()?;
        message.verify_only = reader.bool()?;
        message.topics = reader.array(true, 3, |reader| {
            AddPartitionsToTxnTopic::decode(reader, version)
        })?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.compact_string(&self.transactional_id);
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        writer.bool(self.verify_only);
        writer.array(true, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddPartitionsToTxnTopic {
    pub name: String,
    pub partitions: Vec<i32>,
}

impl AddPartitionsToTxnTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.name = reader.flex_string(flexible)?;
        message.partitions = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.flex_string(flexible, &self.name);
        writer.array(flexible, &self.partitions, |writer, value| {
            writer.i32(*value)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for AddPartitionsToTxnRequest {
    const KEY: ApiKey = ApiKey::AddPartitionsToTxn;
    type Response = super::add_partitions_to_txn_response::AddPartitionsToTxnResponse;
}
