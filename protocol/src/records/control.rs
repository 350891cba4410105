//! Control records: transaction markers and what a Raft log says about itself. Pure.
//! A key is a version and a type; newer versions may add fields, so what follows is ignored.

use bytes::Bytes;

use super::batch::BatchHeader;
use super::builder::{BatchBuilder, BatchOptions};
use super::error::BatchError;
use super::record::{Record, RecordIter, records_of};
use crate::codec::{DecodeError, Reader, Writer};

/// What a control record's key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlType {
    Abort,
    Commit,
    LeaderChange,
    SnapshotHeader,
    SnapshotFooter,
    KraftVersion,
    KraftVoters,
}

impl ControlType {
    const ALL: [Self; 7] = [
        Self::Abort,
        Self::Commit,
        Self::LeaderChange,
        Self::SnapshotHeader,
        Self::SnapshotFooter,
        Self::KraftVersion,
        Self::KraftVoters,
    ];

    #[must_use]
    pub fn from_id(id: i16) -> Option<Self> {
        Self::ALL.get(usize::try_from(id).ok()?).copied()
    }

    #[must_use]
    pub fn id(self) -> i16 {
        match self {
            Self::Abort => 0,
            Self::Commit => 1,
            Self::LeaderChange => 2,
            Self::SnapshotHeader => 3,
            Self::SnapshotFooter => 4,
            Self::KraftVersion => 5,
            Self::KraftVoters => 6,
        }
    }

    /// Reads a control record's key. `None` is a type that is newer than this code.
    ///
    /// # Errors
    /// The key is shorter than its two fields.
    pub fn from_key(key: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(Bytes::copy_from_slice(key));
        let _version = reader.i16()?;
        Ok(Self::from_id(reader.i16()?))
    }

    /// The key of such a record.
    #[must_use]
    pub fn to_key(self) -> [u8; 4] {
        let [high, low] = self.id().to_be_bytes();
        [0, 0, high, low]
    }
}

/// A control record's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlRecord {
    /// A transaction of the batch's producer ended without its records.
    Abort { coordinator_epoch: i32 },
    /// A transaction of the batch's producer ended with its records.
    Commit { coordinator_epoch: i32 },
    /// A Raft leader begins its epoch.
    LeaderChange {
        leader_id: i32,
        voters: Vec<i32>,
        granting_voters: Vec<i32>,
    },
    /// A snapshot begins.
    SnapshotHeader { last_contained_log_timestamp: i64 },
    /// A snapshot is complete.
    SnapshotFooter,
    /// The Raft protocol's level.
    KraftVersion { kraft_version: i16 },
    /// Another set of voters; its content is the Raft log's affair.
    KraftVoters { value: Bytes },
}

impl ControlRecord {
    #[must_use]
    pub fn control_type(&self) -> ControlType {
        match self {
            Self::Abort { .. } => ControlType::Abort,
            Self::Commit { .. } => ControlType::Commit,
            Self::LeaderChange { .. } => ControlType::LeaderChange,
            Self::SnapshotHeader { .. } => ControlType::SnapshotHeader,
            Self::SnapshotFooter => ControlType::SnapshotFooter,
            Self::KraftVersion { .. } => ControlType::KraftVersion,
            Self::KraftVoters { .. } => ControlType::KraftVoters,
        }
    }

    /// The value of such a record.
    #[must_use]
    pub fn to_value(&self) -> Bytes {
        let mut writer = Writer::new();
        if let Self::KraftVoters { value } = self {
            return value.clone();
        }
        writer.i16(0);
        match self {
            Self::Abort { coordinator_epoch } | Self::Commit { coordinator_epoch } => {
                writer.i32(*coordinator_epoch);
                return writer.freeze();
            }
            Self::LeaderChange {
                leader_id,
                voters,
                granting_voters,
            } => {
                writer.i32(*leader_id);
                for ids in [voters, granting_voters] {
                    writer.array(true, ids, |writer, id| {
                        writer.i32(*id);
                        writer.empty_tagged_fields();
                    });
                }
            }
            Self::SnapshotHeader {
                last_contained_log_timestamp,
            } => writer.i64(*last_contained_log_timestamp),
            Self::KraftVersion { kraft_version } => writer.i16(*kraft_version),
            Self::SnapshotFooter | Self::KraftVoters { .. } => {}
        }
        writer.empty_tagged_fields();
        writer.freeze()
    }

    /// Reads one record of a control batch. `None` is a type that is newer than this code.
    ///
    /// # Errors
    /// Key or value end too early.
    pub fn from_record(record: &Record<'_>) -> Result<Option<Self>, DecodeError> {
        let control_type = ControlType::from_key(record.key.ok_or(DecodeError::UnexpectedNull)?)?;
        let Some(control_type) = control_type else {
            return Ok(None);
        };
        let value = record.value.ok_or(DecodeError::UnexpectedNull)?;
        Self::from_value(control_type, value).map(Some)
    }

    fn from_value(control_type: ControlType, value: &[u8]) -> Result<Self, DecodeError> {
        let value = Bytes::copy_from_slice(value);
        let mut reader = Reader::new(value.clone());
        let version = reader.i16()?;
        Ok(match control_type {
            ControlType::Abort => Self::Abort {
                coordinator_epoch: reader.i32()?,
            },
            ControlType::Commit => Self::Commit {
                coordinator_epoch: reader.i32()?,
            },
            ControlType::LeaderChange => Self::LeaderChange {
                leader_id: reader.i32()?,
                voters: voter_ids(&mut reader, version)?,
                granting_voters: voter_ids(&mut reader, version)?,
            },
            ControlType::SnapshotHeader => Self::SnapshotHeader {
                last_contained_log_timestamp: reader.i64()?,
            },
            ControlType::SnapshotFooter => Self::SnapshotFooter,
            ControlType::KraftVersion => Self::KraftVersion {
                kraft_version: reader.i16()?,
            },
            ControlType::KraftVoters => Self::KraftVoters { value },
        })
    }

    /// A control batch with this one record. The options say producer, epochs and base offset.
    #[must_use]
    pub fn to_batch(&self, timestamp: i64, options: BatchOptions) -> Bytes {
        let mut builder = BatchBuilder::new(BatchOptions {
            is_control: true,
            ..options
        });
        let (key, value) = (self.control_type().to_key(), self.to_value());
        builder.append(timestamp, Some(&key), Some(&value), &[]);
        builder.build()
    }

    /// The type of a control batch's first record: it tells a commit from an abort.
    ///
    /// # Errors
    /// The batch cannot be read.
    pub fn type_of_batch(
        batch: &[u8],
        header: &BatchHeader,
        bytes_max: usize,
    ) -> Result<Option<ControlType>, BatchError> {
        let payload = records_of(batch, header, bytes_max)?;
        let index = 0;
        let Some(record) = RecordIter::new(&payload).next() else {
            return Ok(None);
        };
        let record = record.map_err(|error| BatchError::BadRecord { index, error })?;
        Ok(ControlType::from_key(record.key.unwrap_or_default()).unwrap_or_default())
    }
}

/// Version 1 adds each voter's directory id.
fn voter_ids(reader: &mut Reader, version: i16) -> Result<Vec<i32>, DecodeError> {
    reader.array(true, 5, |reader| {
        let id = reader.i32()?;
        if version >= 1 {
            reader.uuid()?;
        }
        reader.skip_tagged_fields()?;
        Ok(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_record_returns_from_its_batch() {
        for control in [
            ControlRecord::Abort {
                coordinator_epoch: 7,
            },
            ControlRecord::Commit {
                coordinator_epoch: -1,
            },
            ControlRecord::LeaderChange {
                leader_id: 1,
                voters: vec![1, 2, 3],
                granting_voters: vec![1, 3],
            },
            ControlRecord::SnapshotHeader {
                last_contained_log_timestamp: 1_700_000_000_000,
            },
            ControlRecord::SnapshotFooter,
            ControlRecord::KraftVersion { kraft_version: 1 },
            ControlRecord::KraftVoters {
                value: Bytes::from_static(&[0, 0, 1, 0]),
            },
        ] {
            let batch = control.to_batch(5, BatchOptions::default());
            let header = BatchHeader::parse(&batch).unwrap();
            assert!(header.is_control());
            let payload = records_of(&batch, &header, 1_000).unwrap();
            let record = RecordIter::new(&payload).next().unwrap().unwrap();
            assert_eq!(
                ControlRecord::from_record(&record),
                Ok(Some(control.clone()))
            );
            assert_eq!(
                ControlRecord::type_of_batch(&batch, &header, 1_000),
                Ok(Some(control.control_type()))
            );
        }
    }

    #[test]
    fn a_marker_is_what_kafka_writes() {
        let marker = ControlRecord::Commit {
            coordinator_epoch: 3,
        };
        assert_eq!(marker.control_type().to_key(), [0, 0, 0, 1]);
        assert_eq!(marker.to_value().as_ref(), [0, 0, 0, 0, 0, 3]);
    }

    #[test]
    fn newer_types_are_passed_over_and_short_keys_refused() {
        assert_eq!(ControlType::from_key(&[0, 0, 0, 99]), Ok(None));
        assert_eq!(
            ControlType::from_key(&[0, 9, 0, 0, 1, 2]),
            Ok(Some(ControlType::Abort))
        );
        assert!(ControlType::from_key(&[0, 0, 0]).is_err());
    }
}
