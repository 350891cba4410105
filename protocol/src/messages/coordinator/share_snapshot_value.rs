//! Generated from `schemas/coordinator/share_00_share_snapshot.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct ShareSnapshotValue {
    pub snapshot_epoch: i32,
    pub state_epoch: i32,
    pub leader_epoch: i32,
    pub start_offset: i64,
    pub delivery_complete_count: i32,
    pub create_timestamp: i64,
    pub write_timestamp: i64,
    pub state_batches: Vec<StateBatch>,
}

impl Default for ShareSnapshotValue {
    fn default() -> Self {
        Self {
            snapshot_epoch: 0,
            state_epoch: 0,
            leader_epoch: 0,
            start_offset: 0,
            delivery_complete_count: -1,
            create_timestamp: 0,
            write_timestamp: 0,
            state_batches: Vec::new(),
        }
    }
}

impl Message for ShareSnapshotValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.snapshot_epoch = reader.i32()?;
        message.state_epoch = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        message.start_offset = reader.i64()?;
        message.create_timestamp = reader.i64()?;
        message.write_timestamp = reader.i64()?;
        message.state_batches =
            reader.array(true, 20, |reader| StateBatch::decode(reader, version))?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.delivery_complete_count = reader.i32()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.snapshot_epoch);
        writer.i32(self.state_epoch);
        writer.i32(self.leader_epoch);
        writer.i64(self.start_offset);
        writer.i64(self.create_timestamp);
        writer.i64(self.write_timestamp);
        writer.array(true, &self.state_batches, |writer, value| {
            value.encode(writer, version)
        });
        let mut tags = writer.tagged_fields();
        if self.delivery_complete_count != -1 {
            tags.field(0, |writer| writer.i32(self.delivery_complete_count));
        }
        tags.finish();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateBatch {
    pub first_offset: i64,
    pub last_offset: i64,
    pub delivery_state: i8,
    pub delivery_count: i16,
}

impl StateBatch {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.first_offset = reader.i64()?;
        message.last_offset = reader.i64()?;
        message.delivery_state = reader.i8()?;
        message.delivery_count = reader.i16()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i64(self.first_offset);
        writer.i64(self.last_offset);
        writer.i8(self.delivery_state);
        writer.i16(self.delivery_count);
        writer.empty_tagged_fields();
    }
}

impl ShareSnapshotValue {
    /// The number of the record type.
    pub const TYPE: i16 = 0;
}
