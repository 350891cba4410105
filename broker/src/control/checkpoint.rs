//! Snapshots of the metadata log as Kafka writes them: `<end offset>-<epoch>.checkpoint`.
//! Owns the file's name and its batches: a header, the image's records, a footer. Pure.

use bytes::Bytes;
use protocol::records::{
    BATCH_HEADER_BYTES, BatchBuilder, BatchIter, BatchOptions, ControlRecord, RecordIter, check_crc,
};

use crate::metadata::records::{MetadataRecord, RecordError};

const BATCH_RECORDS: usize = 1_000;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    #[error("metadata snapshot is damaged at byte {position}")]
    Damaged { position: usize },
    #[error("metadata snapshot has no footer: it was not finished")]
    Unfinished,
    #[error("metadata snapshot: {0}")]
    Record(#[from] RecordError),
}

/// Which entries a snapshot covers: those below the offset, the last one written in the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CheckpointId {
    pub(crate) end_offset: u64,
    pub(crate) epoch: u64,
}

impl CheckpointId {
    pub(crate) fn file_name(self) -> String {
        format!("{:020}-{:010}.checkpoint", self.end_offset, self.epoch)
    }

    pub(crate) fn parse(file_name: &str) -> Option<Self> {
        let (end_offset, epoch) = file_name.strip_suffix(".checkpoint")?.split_once('-')?;
        Some(Self {
            end_offset: end_offset.parse().ok()?,
            epoch: epoch.parse().ok()?,
        })
    }
}

pub(crate) fn encode(records: &[MetadataRecord], timestamp: i64, epoch: i32) -> Bytes {
    let options = |base_offset: usize| BatchOptions {
        base_offset: i64::try_from(base_offset).unwrap_or(i64::MAX),
        partition_leader_epoch: epoch,
        ..BatchOptions::default()
    };
    let header = ControlRecord::SnapshotHeader {
        last_contained_log_timestamp: timestamp,
    };
    let mut bytes = header.to_batch(timestamp, options(0)).to_vec();
    let mut offset = 1;
    for chunk in records.chunks(BATCH_RECORDS) {
        let mut builder = BatchBuilder::new(options(offset));
        for record in chunk {
            builder.append(timestamp, None, Some(&record.encode()), &[]);
        }
        bytes.extend_from_slice(&builder.build());
        offset += chunk.len();
    }
    bytes.extend_from_slice(&ControlRecord::SnapshotFooter.to_batch(timestamp, options(offset)));
    Bytes::from(bytes)
}

pub(crate) fn decode(bytes: &Bytes) -> Result<Vec<MetadataRecord>, CheckpointError> {
    let mut records = Vec::new();
    let mut finished = false;
    let mut batches = BatchIter::new(bytes);
    for (position, header, batch) in &mut batches {
        let damaged = || CheckpointError::Damaged { position };
        check_crc(batch, &header).map_err(|_| damaged())?;
        let payload = batch.get(BATCH_HEADER_BYTES..).unwrap_or_default();
        for record in RecordIter::new(payload) {
            let record = record.map_err(|_| damaged())?;
            if header.is_control() {
                let control = ControlRecord::from_record(&record).map_err(|_| damaged())?;
                finished = control == Some(ControlRecord::SnapshotFooter);
            } else {
                let value = bytes.slice_ref(record.value.unwrap_or_default());
                records.push(MetadataRecord::decode(value)?);
            }
        }
    }
    if batches.position() < bytes.len() {
        return Err(CheckpointError::Damaged {
            position: batches.position(),
        });
    }
    if finished {
        Ok(records)
    } else {
        Err(CheckpointError::Unfinished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::tests::cluster;
    use crate::metadata::snapshot::image_records;

    #[test]
    fn a_snapshot_returns_as_it_was_written_and_a_cut_one_is_refused() {
        let records = image_records(&cluster(3));
        let bytes = encode(&records, 5, 2);
        assert_eq!(decode(&bytes).unwrap(), records);
        for length in [0, 1, 70, bytes.len() / 2, bytes.len() - 1] {
            assert!(decode(&bytes.slice(..length)).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn the_file_name_says_offset_and_epoch() {
        let id = CheckpointId {
            end_offset: 12_345,
            epoch: 7,
        };
        assert_eq!(id.file_name(), "00000000000000012345-0000000007.checkpoint");
        assert_eq!(CheckpointId::parse(&id.file_name()), Some(id));
        assert_eq!(CheckpointId::parse("bootstrap.checkpoint"), None);
    }
}
