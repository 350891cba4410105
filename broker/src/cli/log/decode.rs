//! Keys and values of records in words: text, or what the internal topics hold. Pure.

use bytes::Bytes;
use std::path::Path;

use super::arguments::Decoder;
use crate::group::record::GroupRecord;
use crate::metadata::records::MetadataRecord;
use crate::txn::record::TransactionRecord;

impl Decoder {
    /// The decoder that the name of a log's directory asks for.
    pub(super) fn for_file(self, path: &Path) -> Self {
        if self != Self::Auto {
            return self;
        }
        let dir = path.parent().and_then(Path::file_name).unwrap_or_default();
        let name = dir.to_string_lossy();
        match name.rsplit_once('-') {
            Some(("__consumer_offsets", _)) => Self::Offsets,
            Some(("__transaction_state", _)) => Self::Transactions,
            Some(("__cluster_metadata", _)) => Self::Metadata,
            Some(_) | None => Self::Raw,
        }
    }

    /// What a record says, when this decoder knows such records.
    pub(super) fn record(self, key: Option<&[u8]>, value: Option<&[u8]>) -> Option<String> {
        let key = Bytes::copy_from_slice(key.unwrap_or_default());
        let value = value.map(Bytes::copy_from_slice);
        match self {
            Self::Auto | Self::Raw => None,
            Self::Offsets => words(GroupRecord::decode(&key, value.as_ref())),
            Self::Transactions => words(TransactionRecord::decode(&key, value.as_ref())),
            Self::Metadata => words(MetadataRecord::decode(value?).map(Some)),
        }
    }
}

fn words<T: std::fmt::Debug, E: std::fmt::Display>(
    decoded: Result<Option<T>, E>,
) -> Option<String> {
    match decoded {
        Ok(record) => record.map(|record| format!("{record:?}")),
        Err(error) => Some(format!("not readable: {error}")),
    }
}

/// Text as it is when it can be shown on one line, else hexadecimal digits.
pub(super) fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        Ok(_) | Err(_) => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("0x");
    for byte in bytes {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_chooses_the_decoder() {
        let auto = |path: &str| Decoder::Auto.for_file(Path::new(path));
        assert_eq!(auto("d/__consumer_offsets-3/0.log"), Decoder::Offsets);
        assert_eq!(auto("d/orders-3/0.log"), Decoder::Raw);
        assert_eq!(
            Decoder::Raw.for_file(Path::new("d/__transaction_state-3/0.log")),
            Decoder::Raw
        );
    }

    #[test]
    fn what_is_no_text_is_shown_as_digits() {
        assert_eq!(readable("caf\u{e9}".as_bytes()), "caf\u{e9}");
        assert_eq!(readable(&[0, 255]), "0x00ff");
        assert_eq!(readable(b"a\nb"), "0x610a62");
    }
}
