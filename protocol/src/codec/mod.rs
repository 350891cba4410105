//! The codec: a [`Reader`] over received bytes, a [`Writer`] that grows, and the traits of what
//! can be decoded and encoded by version.
//!
//! Reading is total: hostile bytes end in a [`DecodeError`], never in a panic. Nothing is allocated
//! for bytes that have not been received; a value takes at most 60 times its wire form, a request
//! 50 times (measured for every message by the tests). Writing cannot fail.

#[expect(
    clippy::missing_errors_doc,
    reason = "every method ends in DecodeError on bad bytes"
)]
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt::Debug;

use thiserror::Error;

pub use reader::Reader;
pub use writer::{TaggedFields, Writer};

use crate::api_key::{ApiKey, VersionRange};

/// More elements in one array are refused.
pub const ARRAY_ELEMENTS_MAX: usize = 1_000_000;
/// More tagged fields in one section are refused.
pub const TAGGED_FIELDS_MAX: u32 = 10_000;
/// Longer strings are refused, whatever their length prefix could express.
pub const STRING_BYTES_MAX: usize = 32_767;

/// The bytes are not what the schema says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("{needed} bytes needed, {remaining} left")]
    UnexpectedEnd { needed: usize, remaining: usize },
    #[error("varint is too long")]
    VarintTooLong,
    #[error("length {0} is not allowed")]
    InvalidLength(i64),
    #[error("null is not allowed here")]
    UnexpectedNull,
    #[error("string of {0} bytes is too long")]
    StringTooLong(usize),
    #[error("array of {count} elements does not fit into {remaining} bytes or exceeds the limit")]
    TooManyElements { count: usize, remaining: usize },
    #[error("{0} tagged fields exceed the limit")]
    TooManyTaggedFields(u32),
    #[error("tagged field {tag} has {size} bytes, but {read} were read")]
    TaggedFieldSize { tag: u32, size: usize, read: usize },
    #[error("version {0} is not supported")]
    UnsupportedVersion(i16),
    #[error("api key {0} is unknown")]
    UnknownApiKey(i16),
    #[error("record type {0} is unknown")]
    UnknownRecordType(i16),
}

/// A value that has a wire form for each version of its schema.
pub trait Message: Sized + Default + Clone + PartialEq + Debug {
    /// The versions of the schema.
    const VERSIONS: VersionRange;

    /// Reads one value and leaves the reader behind it.
    ///
    /// # Errors
    /// The bytes are not a value of this version, or the version is not one of the schema's.
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError>;

    /// Appends the value. Fields that the version does not have are left out; null is written as
    /// the empty value where the version has no null.
    ///
    /// # Panics
    /// The version is not one of the schema's.
    fn encode(&self, writer: &mut Writer, version: i16);
}

/// A request of an API.
pub trait Request: Message {
    const KEY: ApiKey;
    type Response: Message;
}
