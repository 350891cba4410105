//! Generated from `schemas/metadata/21_zk_migration_state_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ZkMigrationStateRecord {
    pub zk_migration_state: i8,
}

impl Message for ZkMigrationStateRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.zk_migration_state = reader.i8()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i8(self.zk_migration_state);
        writer.empty_tagged_fields();
    }
}

impl ZkMigrationStateRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 21;
}
