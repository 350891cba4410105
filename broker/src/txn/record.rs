//! Records of `__transaction_state`, in Kafka's format. Pure.

use bytes::Bytes;
use protocol::codec::{DecodeError, Message, Reader, Writer};
use protocol::messages::coordinator::transaction_log_key::TransactionLogKey;
use protocol::messages::coordinator::transaction_log_value::{
    PartitionsSchema, TransactionLogValue,
};

use super::transaction::{
    ProducerIdentity, Topics, TransactionMetadata, TransactionState, TransactionVersion,
};
use crate::coordinator::machine::EncodedRecord;

/// The version that has the fields of KIP-890.
const VALUE_VERSION: i16 = 1;
/// For a number that is not there.
const NONE: i64 = -1;

/// What a transactional id has become; `None` when it is forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TransactionRecord {
    pub(crate) transactional_id: String,
    pub(crate) metadata: Option<TransactionMetadata>,
}

impl TransactionRecord {
    pub(crate) fn encode(&self) -> EncodedRecord {
        let key = TransactionLogKey {
            transactional_id: self.transactional_id.clone(),
        };
        EncodedRecord {
            key: with_version(TransactionLogKey::TYPE, 0, &key),
            value: self
                .metadata
                .as_ref()
                .map(|metadata| with_version(VALUE_VERSION, VALUE_VERSION, &value_of(metadata))),
        }
    }

    /// `None` for a kind of record that is unknown here.
    ///
    /// # Errors
    /// The bytes are no such record.
    pub(crate) fn decode(key: &Bytes, value: Option<&Bytes>) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(key.clone());
        if reader.i16()? != TransactionLogKey::TYPE {
            return Ok(None);
        }
        let key = TransactionLogKey::decode(&mut reader, 0)?;
        let metadata = match value {
            Some(value) => Some(metadata_of(value)?),
            None => None,
        };
        Ok(Some(Self {
            transactional_id: key.transactional_id,
            metadata,
        }))
    }
}

fn with_version<M: Message>(prefix: i16, version: i16, message: &M) -> Bytes {
    let mut writer = Writer::new();
    writer.i16(prefix);
    message.encode(&mut writer, version);
    writer.freeze()
}

fn value_of(metadata: &TransactionMetadata) -> TransactionLogValue {
    let partitions = metadata
        .topics
        .iter()
        .map(|(topic, partitions)| PartitionsSchema {
            topic: topic.clone(),
            partition_ids: partitions.iter().copied().collect(),
        });
    let has_partitions = metadata.state != TransactionState::Empty;
    TransactionLogValue {
        producer_id: metadata.producer.id,
        previous_producer_id: metadata.previous_producer_id.unwrap_or(NONE),
        next_producer_id: metadata.next_producer_id.unwrap_or(NONE),
        producer_epoch: metadata.producer.epoch,
        transaction_timeout_ms: metadata.timeout_ms,
        transaction_status: metadata.state.id(),
        transaction_partitions: has_partitions.then(|| partitions.collect()),
        transaction_last_update_timestamp_ms: metadata.updated_ms,
        transaction_start_timestamp_ms: metadata.started_ms.unwrap_or(NONE),
        client_transaction_version: metadata.version.level(),
        ..Default::default()
    }
}

fn metadata_of(value: &Bytes) -> Result<TransactionMetadata, DecodeError> {
    let mut reader = Reader::new(value.clone());
    let version = reader.i16()?;
    let value = TransactionLogValue::decode(&mut reader, version)?;
    let status = value.transaction_status;
    let state = TransactionState::from_id(status);
    let state = state.ok_or_else(|| DecodeError::UnknownRecordType(i16::from(status)))?;
    let some = |number: i64| (number != NONE).then_some(number);
    let mut topics = Topics::new();
    for partitions in value.transaction_partitions.unwrap_or_default() {
        let known = topics.entry(partitions.topic).or_default();
        known.extend(partitions.partition_ids);
    }
    Ok(TransactionMetadata {
        producer: ProducerIdentity {
            id: value.producer_id,
            epoch: value.producer_epoch,
        },
        previous_producer_id: some(value.previous_producer_id),
        next_producer_id: some(value.next_producer_id),
        last_epoch: None,
        timeout_ms: value.transaction_timeout_ms,
        state,
        topics,
        started_ms: some(value.transaction_start_timestamp_ms),
        updated_ms: value.transaction_last_update_timestamp_ms,
        version: TransactionVersion::from_level(value.client_transaction_version),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_return_as_they_were_written() {
        let mut metadata = TransactionMetadata::new(77, 60_000, 5);
        let topics = [
            ("a".to_owned(), [1, 2].into()),
            ("b".to_owned(), [0].into()),
        ];
        for (state, topics) in [
            (TransactionState::Empty, Topics::new()),
            (TransactionState::Ongoing, Topics::from(topics)),
            (TransactionState::CompleteAbort, Topics::new()),
        ] {
            metadata = metadata.moved_to(state, 9);
            metadata.topics = topics;
            metadata.next_producer_id = Some(80);
            metadata.version = TransactionVersion::EpochBump;
            let record = TransactionRecord {
                transactional_id: "id".to_owned(),
                metadata: Some(metadata.clone()),
            };
            let EncodedRecord { key, value } = record.encode();
            assert_eq!(
                TransactionRecord::decode(&key, value.as_ref()),
                Ok(Some(record))
            );
        }
    }

    #[test]
    fn a_tombstone_forgets_an_id() {
        let record = TransactionRecord {
            transactional_id: "id".to_owned(),
            metadata: None,
        };
        let EncodedRecord { key, value } = record.encode();
        assert_eq!((&key[..], value), (&[0, 0, 0, 2, b'i', b'd'][..], None));
        assert_eq!(TransactionRecord::decode(&key, None), Ok(Some(record)));
    }

    #[test]
    fn unknown_and_damaged_records_do_no_harm() {
        let newer = Bytes::from_static(&[0, 9, 1, 2]);
        assert_eq!(TransactionRecord::decode(&newer, None), Ok(None));
        let short = Bytes::from_static(&[0, 0, 0, 9, b'i']);
        assert!(TransactionRecord::decode(&short, None).is_err());
        let key = Bytes::from_static(&[0, 0, 0, 1, b'i']);
        let value = Bytes::from_static(&[0, 1, 1, 2, 3]);
        assert!(TransactionRecord::decode(&key, Some(&value)).is_err());
    }
}
