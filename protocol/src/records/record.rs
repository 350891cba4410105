//! The records of an uncompressed payload, one after another, without allocation. Pure.
//! A record is accepted only when its fields fill its stated length exactly.

use std::borrow::Cow;

use super::batch::{BATCH_HEADER_BYTES, BatchHeader};
use super::compression::{Compression, decompress};
use super::error::BatchError;
use super::varint::{take_varint, take_varlong};

/// Why a record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("a field of the record ends outside of it")]
    Truncated,
    #[error("record length {0} is not within the batch")]
    Length(i32),
    #[error("{0} bytes of the record are left over")]
    LeftOver(usize),
    #[error("header count {0} is not possible")]
    HeaderCount(i32),
    #[error("header key length {0} is negative")]
    HeaderKey(i32),
}

/// One record, borrowed from its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub offset_delta: i32,
    pub timestamp_delta: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
    /// The whole record with its length, as it lies in the payload.
    pub bytes: &'a [u8],
}

/// What the rules of a topic ask of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordFacts {
    pub(super) offset_delta: i32,
    pub(super) timestamp_delta: i64,
    pub(super) has_key: bool,
}

impl RecordFacts {
    #[inline]
    pub(super) fn of(record: &Record<'_>) -> Self {
        Self {
            offset_delta: record.offset_delta,
            timestamp_delta: record.timestamp_delta,
            has_key: record.key.is_some(),
        }
    }
}

/// A record's headers; they were checked when the record was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    count: i32,
    bytes: &'a [u8],
}

/// One header of a record. Keys are text by convention only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
}

impl Headers<'_> {
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.count).unwrap_or(0)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<'a> IntoIterator for Headers<'a> {
    type Item = Header<'a>;
    type IntoIter = HeaderIter<'a>;

    fn into_iter(self) -> HeaderIter<'a> {
        HeaderIter { rest: self.bytes }
    }
}

/// The headers of one record.
#[derive(Debug, Clone)]
pub struct HeaderIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        take_header(&mut self.rest).ok()
    }
}

/// Reads records until the payload is used up. Yields one error at most, then ends.
#[derive(Debug, Clone)]
pub struct RecordIter<'a> {
    rest: &'a [u8],
}

impl<'a> RecordIter<'a> {
    /// `payload` is what follows a batch's header, decompressed.
    #[must_use]
    pub fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = Result<Record<'a>, RecordError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = take_record(&mut self.rest);
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}

/// The payload of a whole batch, decompressed when it is compressed.
///
/// # Errors
/// The codec is unknown, the payload does not decompress, or it exceeds `bytes_max`.
pub fn records_of<'a>(
    batch: &'a [u8],
    header: &BatchHeader,
    bytes_max: usize,
) -> Result<Cow<'a, [u8]>, BatchError> {
    let payload = batch.get(BATCH_HEADER_BYTES..).unwrap_or_default();
    let codec = header.compression()?;
    if codec == Compression::None {
        return Ok(payload.into());
    }
    Ok(decompress(codec, payload, bytes_max)?.into())
}

#[inline]
fn take_record<'a>(rest: &mut &'a [u8]) -> Result<Record<'a>, RecordError> {
    let whole = *rest;
    let mut after_length = whole;
    let length = take_varint(&mut after_length).ok_or(RecordError::Truncated)?;
    let Some((body, behind)) = usize::try_from(length)
        .ok()
        .and_then(|length| after_length.split_at_checked(length))
    else {
        return Err(RecordError::Length(length));
    };
    let mut fields = body;
    // The attributes byte has no meaning yet.
    fields = fields.get(1..).ok_or(RecordError::Truncated)?;
    let timestamp_delta = take_varlong(&mut fields).ok_or(RecordError::Truncated)?;
    let offset_delta = take_varint(&mut fields).ok_or(RecordError::Truncated)?;
    let key = take_nullable(&mut fields)?;
    let value = take_nullable(&mut fields)?;
    let headers = check_headers(&mut fields)?;
    if !fields.is_empty() {
        return Err(RecordError::LeftOver(fields.len()));
    }
    *rest = behind;
    Ok(Record {
        offset_delta,
        timestamp_delta,
        key,
        value,
        headers,
        bytes: whole.get(..whole.len() - behind.len()).unwrap_or_default(),
    })
}

#[inline]
fn check_headers<'a>(fields: &mut &'a [u8]) -> Result<Headers<'a>, RecordError> {
    let count = take_varint(fields).ok_or(RecordError::Truncated)?;
    let bytes = *fields;
    if usize::try_from(count).is_ok_and(|count| count == 0) {
        return Ok(Headers { count, bytes: &[] });
    }
    if usize::try_from(count).map_or(true, |count| count > bytes.len()) {
        return Err(RecordError::HeaderCount(count));
    }
    for _ in 0..count {
        take_header(fields)?;
    }
    Ok(Headers {
        count,
        bytes: bytes.get(..bytes.len() - fields.len()).unwrap_or_default(),
    })
}

fn take_header<'a>(fields: &mut &'a [u8]) -> Result<Header<'a>, RecordError> {
    let length = take_varint(fields).ok_or(RecordError::Truncated)?;
    let Ok(length) = usize::try_from(length) else {
        return Err(RecordError::HeaderKey(length));
    };
    let (key, behind) = fields
        .split_at_checked(length)
        .ok_or(RecordError::Truncated)?;
    *fields = behind;
    let value = take_nullable(fields)?;
    Ok(Header { key, value })
}

/// Any negative length means null, as in Kafka.
#[inline]
fn take_nullable<'a>(fields: &mut &'a [u8]) -> Result<Option<&'a [u8]>, RecordError> {
    let length = take_varint(fields).ok_or(RecordError::Truncated)?;
    let Ok(length) = usize::try_from(length) else {
        return Ok(None);
    };
    let (bytes, behind) = fields
        .split_at_checked(length)
        .ok_or(RecordError::Truncated)?;
    *fields = behind;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(payload: &[u8]) -> Result<Record<'_>, RecordError> {
        RecordIter::new(payload).next().unwrap()
    }

    #[test]
    fn a_record_gives_its_fields() {
        // length 12, attributes, timestamp 1, offset 2, key "k", null value, one header "h" = ""
        let payload = [20, 0, 2, 4, 2, b'k', 1, 2, 2, b'h', 0];
        let record = only(&payload).unwrap();
        assert_eq!((record.timestamp_delta, record.offset_delta), (1, 2));
        assert_eq!((record.key, record.value), (Some(b"k".as_slice()), None));
        assert_eq!(record.headers.len(), 1);
        let headers: Vec<Header<'_>> = record.headers.into_iter().collect();
        assert_eq!(
            headers,
            [Header {
                key: b"h",
                value: Some(b"")
            }]
        );
        assert_eq!(record.bytes, payload);
    }

    #[test]
    fn a_record_that_does_not_fill_its_length_is_refused() {
        assert_eq!(
            only(&[14, 0, 0, 0, 1, 1, 0, 0]),
            Err(RecordError::LeftOver(1))
        );
        assert_eq!(
            only(&[10, 0, 0, 0, 1, 1, 0, 0]),
            Err(RecordError::Truncated)
        );
    }

    #[test]
    fn a_record_length_outside_the_payload_is_refused() {
        assert_eq!(only(&[0]), Err(RecordError::Truncated));
        assert_eq!(only(&[1, 0]), Err(RecordError::Length(-1)));
        assert_eq!(only(&[12, 0, 0, 0, 1, 1]), Err(RecordError::Length(6)));
    }

    #[test]
    fn impossible_headers_are_refused() {
        assert_eq!(
            only(&[12, 0, 0, 0, 1, 1, 1]),
            Err(RecordError::HeaderCount(-1))
        );
        assert_eq!(
            only(&[12, 0, 0, 0, 1, 1, 20]),
            Err(RecordError::HeaderCount(10))
        );
        assert_eq!(
            only(&[14, 0, 0, 0, 1, 1, 2, 9]),
            Err(RecordError::HeaderKey(-5))
        );
    }

    #[test]
    fn the_walk_ends_after_an_error() {
        let mut walk = RecordIter::new(&[1, 1, 1]);
        assert!(walk.next().unwrap().is_err());
        assert!(walk.next().is_none());
    }
}
