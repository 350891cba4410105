//! The records of `__consumer_offsets`, in Kafka's format. Pure.
//!
//! A key begins with the number of its kind; a value with the version of its layout.

use bytes::Bytes;
use protocol::codec::{DecodeError, Message, Reader, Writer};
use protocol::messages::coordinator::group_metadata_key::GroupMetadataKey;
use protocol::messages::coordinator::group_metadata_value::GroupMetadataValue;
use protocol::messages::coordinator::legacy_offset_commit_key::LegacyOffsetCommitKey;
use protocol::messages::coordinator::offset_commit_key::OffsetCommitKey;
use protocol::messages::coordinator::offset_commit_value::OffsetCommitValue;

use crate::coordinator::machine::EncodedRecord;
use crate::group::consumer::records::{ConsumerRecord, is_consumer_key};

const KEY_VERSION: i16 = 0;
const GROUP_METADATA_VERSION: i16 = 3;
const OFFSET_COMMIT_VERSION: i16 = 3;
/// The one version with an expiry of its own, for clients that ask for one.
const OFFSET_COMMIT_VERSION_WITH_EXPIRY: i16 = 1;

/// A record; without a value it is a tombstone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum GroupRecord {
    OffsetCommit {
        key: OffsetCommitKey,
        value: Option<OffsetCommitValue>,
    },
    GroupMetadata {
        group: String,
        value: Option<GroupMetadataValue>,
    },
    Consumer {
        group: String,
        record: ConsumerRecord,
    },
}

impl GroupRecord {
    pub(crate) fn encode(&self) -> EncodedRecord {
        match self {
            Self::Consumer { group, record } => {
                let (key, value) = record.encode(group);
                EncodedRecord { key, value }
            }
            Self::OffsetCommit { key, value } => EncodedRecord {
                key: versioned(OffsetCommitKey::TYPE, key, KEY_VERSION),
                value: value.as_ref().map(|value| {
                    let version = if value.expire_timestamp == -1 {
                        OFFSET_COMMIT_VERSION
                    } else {
                        OFFSET_COMMIT_VERSION_WITH_EXPIRY
                    };
                    versioned(version, value, version)
                }),
            },
            Self::GroupMetadata { group, value } => {
                let key = GroupMetadataKey {
                    group: group.clone(),
                };
                let version = GROUP_METADATA_VERSION;
                EncodedRecord {
                    key: versioned(GroupMetadataKey::TYPE, &key, KEY_VERSION),
                    value: value
                        .as_ref()
                        .map(|value| versioned(version, value, version)),
                }
            }
        }
    }

    /// `None` for a kind that means nothing here.
    ///
    /// # Errors
    /// The bytes are no record of the kind that the key names.
    pub(crate) fn decode(key: &Bytes, value: Option<&Bytes>) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(key.clone());
        let kind = reader.i16()?;
        let record = match kind {
            LegacyOffsetCommitKey::TYPE | OffsetCommitKey::TYPE => Self::OffsetCommit {
                key: OffsetCommitKey::decode(&mut reader, KEY_VERSION)?,
                value: value.map(decode_value).transpose()?,
            },
            GroupMetadataKey::TYPE => Self::GroupMetadata {
                group: GroupMetadataKey::decode(&mut reader, KEY_VERSION)?.group,
                value: value.map(decode_value).transpose()?,
            },
            kind if is_consumer_key(kind) => {
                let (group, record) = ConsumerRecord::decode(kind, key.clone(), value.cloned())?;
                Self::Consumer { group, record }
            }
            _ => return Ok(None),
        };
        Ok(Some(record))
    }
}

fn versioned<M: Message>(number: i16, message: &M, version: i16) -> Bytes {
    let mut writer = Writer::with_capacity(64);
    writer.i16(number);
    message.encode(&mut writer, version);
    writer.freeze()
}

fn decode_value<M: Message>(value: &Bytes) -> Result<M, DecodeError> {
    let mut reader = Reader::new(value.clone());
    let version = reader.i16()?;
    M::decode(&mut reader, version)
}
