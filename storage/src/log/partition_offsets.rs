//! The offsets of a partition that its segments cannot tell, `partition.offsets`: where the log
//! starts, and up to where it has been compacted. Pure: a small text and back.
//!
//! The file is replaced as a whole, and is durable before anything relies on it. It has a
//! checksum: an older value would bring deleted records back.

use thiserror::Error;

/// See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartitionOffsets {
    /// Records before this offset are deleted, whether a segment still holds them or not.
    pub log_start: i64,
    /// Kafka's first dirty offset: everything before it has been compacted.
    pub first_dirty: i64,
    /// Before this offset others may be missing, because segments are being compacted or were: so
    /// the journal has nothing to add to segments that begin before it.
    pub gaps_below: i64,
}

/// Why the file does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OffsetsFileError {
    #[error("partition offsets of version other than 0")]
    UnknownVersion,
    #[error("partition offsets are damaged")]
    Damaged,
}

const CHECKSUM: &str = "crc32c: ";

impl PartitionOffsets {
    /// The text of the file.
    #[must_use]
    pub fn to_text(self) -> String {
        let fields = format!(
            "version: 0\nlog_start_offset: {}\nfirst_dirty_offset: {}\ngaps_below_offset: {}\n",
            self.log_start, self.first_dirty, self.gaps_below
        );
        let crc = crc32c::crc32c(fields.as_bytes());
        format!("{fields}{CHECKSUM}{crc:08x}\n")
    }

    /// Reads what [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// Another version, or anything that is not exactly as it was written.
    pub fn from_text(text: &str) -> Result<Self, OffsetsFileError> {
        let mut lines = text.lines();
        match lines.next().and_then(|line| line.strip_prefix("version: ")) {
            Some("0") => {}
            Some(version) if version.parse::<u32>().is_ok() => {
                return Err(OffsetsFileError::UnknownVersion);
            }
            Some(_) | None => return Err(OffsetsFileError::Damaged),
        }
        let mut field =
            |name: &str| -> Option<i64> { lines.next()?.strip_prefix(name)?.parse().ok() };
        let log_start = field("log_start_offset: ").ok_or(OffsetsFileError::Damaged)?;
        let first_dirty = field("first_dirty_offset: ").ok_or(OffsetsFileError::Damaged)?;
        let gaps_below = field("gaps_below_offset: ").ok_or(OffsetsFileError::Damaged)?;
        let read = Self {
            log_start,
            first_dirty,
            gaps_below,
        };
        let least = log_start.min(first_dirty).min(gaps_below);
        if read.to_text() == text && least >= 0 {
            Ok(read)
        } else {
            Err(OffsetsFileError::Damaged)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn offsets_round_trip(log_start in 0..i64::MAX, first_dirty in 0..i64::MAX, gaps_below in 0..i64::MAX) {
            let written = PartitionOffsets { log_start, first_dirty, gaps_below };
            prop_assert_eq!(PartitionOffsets::from_text(&written.to_text()), Ok(written));
        }

        #[test]
        fn a_changed_byte_is_found(log_start in 0..i64::MAX, at: prop::sample::Index, flip in 1..128_u8) {
            let written = PartitionOffsets { log_start, first_dirty: 3, gaps_below: 5 }.to_text();
            let mut bytes = written.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            if let Ok(text) = std::str::from_utf8(&bytes) {
                prop_assert!(PartitionOffsets::from_text(text).is_err());
            }
            prop_assert!(PartitionOffsets::from_text(&written[..at]).is_err());
        }
    }

    #[test]
    fn another_version_is_named() {
        let text = PartitionOffsets::default().to_text();
        let newer = text.replace("version: 0", "version: 1");
        assert_eq!(
            PartitionOffsets::from_text(&newer),
            Err(OffsetsFileError::UnknownVersion)
        );
    }
}
