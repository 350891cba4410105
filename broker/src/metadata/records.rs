//! One record of the metadata log: Kafka's record types in Kafka's frame.
//! Owns: `MetadataRecord`, its encoding and its decoding. Pure.
//! A frame is three unsigned varints (frame version 1, record type, record version) and the message;
//! a type or version unknown here is an error, because skipping it would silently lose state.

use bytes::Bytes;
use protocol::codec::{DecodeError, Message, Reader, Writer};
use protocol::messages::metadata::broker_registration_change_record::BrokerRegistrationChangeRecord;
use protocol::messages::metadata::clear_elr_record::ClearElrRecord;
use protocol::messages::metadata::client_quota_record::ClientQuotaRecord;
use protocol::messages::metadata::config_record::ConfigRecord;
use protocol::messages::metadata::feature_level_record::FeatureLevelRecord;
use protocol::messages::metadata::fence_broker_record::FenceBrokerRecord;
use protocol::messages::metadata::no_op_record::NoOpRecord;
use protocol::messages::metadata::partition_change_record::PartitionChangeRecord;
use protocol::messages::metadata::partition_record::PartitionRecord;
use protocol::messages::metadata::producer_ids_record::ProducerIdsRecord;
use protocol::messages::metadata::register_broker_record::RegisterBrokerRecord;
use protocol::messages::metadata::remove_topic_record::RemoveTopicRecord;
use protocol::messages::metadata::remove_user_scram_credential_record::RemoveUserScramCredentialRecord;
use protocol::messages::metadata::topic_record::TopicRecord;
use protocol::messages::metadata::unfence_broker_record::UnfenceBrokerRecord;
use protocol::messages::metadata::unregister_broker_record::UnregisterBrokerRecord;
use protocol::messages::metadata::user_scram_credential_record::UserScramCredentialRecord;

const FRAME_VERSION: u32 = 1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("malformed metadata record: {0}")]
    Malformed(#[from] DecodeError),
    #[error("metadata record frame version {version} is unknown")]
    UnknownFrame { version: u32 },
    #[error("metadata record type {key} version {version} is unknown to this release")]
    UnknownType { key: u32, version: u32 },
    #[error("{bytes} bytes follow a metadata record of type {key}")]
    TrailingBytes { key: u32, bytes: usize },
}

/// Declares the enum with, for each record type, its key and the version written; older versions
/// from `oldest` on are read.
macro_rules! metadata_records {
    ($($variant:ident($message:ty) = $key:literal, $oldest:literal ..= $version:literal;)*) => {
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) enum MetadataRecord {
            $($variant($message),)*
        }

        impl MetadataRecord {
            pub(crate) fn encode(&self) -> Bytes {
                let mut writer = Writer::new();
                writer.unsigned_varint(FRAME_VERSION);
                match self {
                    $(Self::$variant(message) => {
                        writer.unsigned_varint($key);
                        writer.unsigned_varint($version);
                        message.encode(&mut writer, $version);
                    })*
                }
                writer.freeze()
            }

            pub(crate) fn decode(bytes: Bytes) -> Result<Self, RecordError> {
                let mut reader = Reader::new(bytes);
                let frame = reader.unsigned_varint()?;
                if frame != FRAME_VERSION {
                    return Err(RecordError::UnknownFrame { version: frame });
                }
                let key = reader.unsigned_varint()?;
                let version = reader.unsigned_varint()?;
                let short = i16::try_from(version).unwrap_or(-1);
                let record = match key {
                    $($key if ($oldest..=$version).contains(&short) => {
                        Self::$variant(<$message>::decode(&mut reader, short)?)
                    })*
                    _ => return Err(RecordError::UnknownType { key, version }),
                };
                match reader.remaining() {
                    0 => Ok(record),
                    bytes => Err(RecordError::TrailingBytes { key, bytes }),
                }
            }
        }

        $(impl From<$message> for MetadataRecord {
            fn from(message: $message) -> Self {
                Self::$variant(message)
            }
        })*
    };
}

metadata_records! {
    RegisterBroker(RegisterBrokerRecord) = 0, 0..=4;
    UnregisterBroker(UnregisterBrokerRecord) = 1, 0..=0;
    Topic(TopicRecord) = 2, 0..=0;
    Partition(PartitionRecord) = 3, 0..=2;
    Config(ConfigRecord) = 4, 0..=0;
    PartitionChange(PartitionChangeRecord) = 5, 0..=2;
    FenceBroker(FenceBrokerRecord) = 7, 0..=0;
    UnfenceBroker(UnfenceBrokerRecord) = 8, 0..=0;
    RemoveTopic(RemoveTopicRecord) = 9, 0..=0;
    UserScramCredential(UserScramCredentialRecord) = 11, 0..=0;
    FeatureLevel(FeatureLevelRecord) = 12, 0..=0;
    ClientQuota(ClientQuotaRecord) = 14, 0..=0;
    ProducerIds(ProducerIdsRecord) = 15, 0..=0;
    BrokerRegistrationChange(BrokerRegistrationChangeRecord) = 17, 0..=3;
    NoOp(NoOpRecord) = 20, 0..=0;
    RemoveUserScramCredential(RemoveUserScramCredentialRecord) = 22, 0..=0;
    ClearElr(ClearElrRecord) = 28, 0..=0;
}
