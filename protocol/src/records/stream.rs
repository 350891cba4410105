//! The records of a compressed payload, looked at while it decompresses: a window at a time, so that
//! neither a large batch nor a bomb takes memory for what comes out of it. Pure.
//! The rules are those of `record`; a key or value is passed over, not kept.

use std::io::BufRead;

use super::compression::{Compression, CompressionError};
use super::error::BatchError;
use super::record::{RecordError, RecordFacts};
use super::varint::{unzigzag32, unzigzag64};

const VARINT_BYTES_MAX: u32 = 5;
const VARLONG_BYTES_MAX: u32 = 10;
const CONTINUES: u8 = 0x80;
const PAYLOAD: u8 = 0x7f;

/// Why a record ends before its stated end.
enum Stop {
    Record(RecordError),
    Compression(CompressionError),
}

impl From<RecordError> for Stop {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

/// Yields one error at most, then ends.
pub(super) struct RecordStream<R> {
    input: R,
    codec: Compression,
    /// Bytes that may still come out.
    bytes_left: usize,
    bytes_max: usize,
    /// Bytes of the record that is being read.
    record_left: usize,
    index: i32,
    failed: bool,
}

impl<R: BufRead> RecordStream<R> {
    pub(super) fn new(input: R, codec: Compression, bytes_max: usize) -> Self {
        Self {
            input,
            codec,
            bytes_left: bytes_max,
            bytes_max,
            record_left: 0,
            index: 0,
            failed: false,
        }
    }

    fn record(&mut self) -> Result<RecordFacts, Stop> {
        self.record_left = usize::MAX; // the length lies before the record
        let length = self.varint()?;
        self.record_left = usize::try_from(length).map_err(|_| RecordError::Length(length))?;
        self.skip(1)?; // the attributes have no meaning yet
        let timestamp_delta = self.varlong()?;
        let offset_delta = self.varint()?;
        let has_key = self.skip_nullable()?;
        self.skip_nullable()?;
        self.skip_headers()?;
        if self.record_left > 0 {
            return Err(RecordError::LeftOver(self.record_left).into());
        }
        Ok(RecordFacts {
            offset_delta,
            timestamp_delta,
            has_key,
        })
    }

    fn skip_headers(&mut self) -> Result<(), Stop> {
        let count = self.varint()?;
        if usize::try_from(count).map_or(true, |count| count > self.record_left) {
            return Err(RecordError::HeaderCount(count).into());
        }
        for _ in 0..count {
            let length = self.varint()?;
            let length = usize::try_from(length).map_err(|_| RecordError::HeaderKey(length))?;
            self.skip(length)?;
            self.skip_nullable()?;
        }
        Ok(())
    }

    /// Whether there is a value.
    fn skip_nullable(&mut self) -> Result<bool, Stop> {
        match usize::try_from(self.varint()?) {
            Ok(length) => self.skip(length).map(|()| true),
            Err(_) => Ok(false), // any negative length stands for null
        }
    }

    fn skip(&mut self, mut bytes: usize) -> Result<(), Stop> {
        if bytes > self.record_left {
            return Err(RecordError::Truncated.into());
        }
        while bytes > 0 {
            let taken = self.window()?.len().min(bytes);
            self.consume(taken)?;
            bytes -= taken;
        }
        Ok(())
    }

    fn varint(&mut self) -> Result<i32, Stop> {
        let raw = self.long_form(VARINT_BYTES_MAX)?;
        let raw = u32::try_from(raw).map_err(|_| RecordError::Truncated)?;
        Ok(unzigzag32(raw))
    }

    fn varlong(&mut self) -> Result<i64, Stop> {
        self.long_form(VARLONG_BYTES_MAX).map(unzigzag64)
    }

    fn long_form(&mut self, bytes_max: u32) -> Result<u64, Stop> {
        let mut value = 0_u64;
        for index in 0..bytes_max {
            let byte = self.byte()?;
            let part = u64::from(byte & PAYLOAD);
            if index == VARLONG_BYTES_MAX - 1 && part > 1 {
                break;
            }
            value |= part << (7 * index);
            if byte & CONTINUES == 0 {
                return Ok(value);
            }
        }
        Err(RecordError::Truncated.into())
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Stop> {
        if self.record_left == 0 {
            return Err(RecordError::Truncated.into());
        }
        let byte = self.window()?.first().copied();
        let byte = byte.ok_or(RecordError::Truncated)?;
        self.consume(1)?;
        Ok(byte)
    }

    /// What has come out and is not used yet; not empty.
    #[inline]
    fn window(&mut self) -> Result<&[u8], Stop> {
        let codec = self.codec;
        let window = self.input.fill_buf().map_err(|error| {
            let reason = error.to_string();
            Stop::Compression(CompressionError::Malformed { codec, reason })
        })?;
        if window.is_empty() {
            return Err(RecordError::Truncated.into());
        }
        Ok(window)
    }

    #[inline]
    fn consume(&mut self, bytes: usize) -> Result<(), Stop> {
        let bytes_max = self.bytes_max;
        let too_large = || Stop::Compression(CompressionError::TooLarge { bytes_max });
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or_else(too_large)?;
        self.record_left = self.record_left.saturating_sub(bytes);
        self.input.consume(bytes);
        Ok(())
    }

    fn is_at_end(&mut self) -> Result<bool, Stop> {
        match self.window() {
            Ok(_) => Ok(false),
            Err(Stop::Record(_)) => Ok(true),
            Err(stop) => Err(stop),
        }
    }

    fn fail(&mut self, stop: Stop) -> BatchError {
        self.failed = true;
        match stop {
            Stop::Record(error) => BatchError::BadRecord {
                index: self.index,
                error,
            },
            Stop::Compression(error) => error.into(),
        }
    }
}

impl<R: BufRead> Iterator for RecordStream<R> {
    type Item = Result<RecordFacts, BatchError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let facts = match self.is_at_end() {
            Ok(true) => return None,
            Ok(false) => self.record(),
            Err(stop) => Err(stop),
        };
        let facts = facts.map_err(|stop| self.fail(stop));
        self.index = self.index.saturating_add(1);
        Some(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{BATCH_HEADER_BYTES, BatchHeader};
    use super::super::builder::{BatchBuilder, BatchOptions};
    use super::super::compression::{compress, with_decompressed};
    use super::super::record::{Header, RecordIter, records_of};
    use super::*;

    fn records(count: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        for number in 0..count {
            let value = vec![7; number * 37 % 5_000];
            let key = (number % 3 > 0).then_some(&b"a key"[..]);
            let header = |key, value| Header { key, value };
            let headers = [header(b"name", Some(&b"text"[..])), header(b"", None)];
            let headers = if number % 2 == 0 { &headers[..] } else { &[] };
            builder.append(1_000_i64, key, Some(&value), headers);
        }
        builder.build().to_vec()
    }

    fn facts(
        codec: Compression,
        payload: &[u8],
        bytes_max: usize,
    ) -> Result<Vec<RecordFacts>, BatchError> {
        let mut small = Vec::new();
        compress(codec, None, payload, &mut small).unwrap();
        with_decompressed(codec, &small, bytes_max, |stream| stream.collect())
    }

    #[test]
    fn a_stream_tells_what_the_records_say() {
        let batch = records(200);
        let payload = &batch[BATCH_HEADER_BYTES..];
        let expected: Vec<RecordFacts> = RecordIter::new(payload)
            .map(|record| RecordFacts::of(&record.unwrap()))
            .collect();
        assert_eq!(expected.len(), 200);
        for codec in Compression::ALL {
            assert_eq!(
                facts(codec, payload, payload.len()).unwrap(),
                expected,
                "{codec:?}"
            );
            let too_large = facts(codec, payload, payload.len() - 1);
            assert!(
                matches!(
                    too_large,
                    Err(BatchError::Compression(CompressionError::TooLarge { .. }))
                ),
                "{codec:?}: {too_large:?}"
            );
        }
    }

    #[test]
    fn a_stream_and_an_iterator_refuse_the_same_bytes() {
        let batch = records(6);
        let header = BatchHeader::parse(&batch).unwrap();
        let payload = records_of(&batch, &header, 1 << 20).unwrap().to_vec();
        for place in 0..payload.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = payload.clone();
                changed[place] = byte;
                let whole: Result<Vec<_>, _> = RecordIter::new(&changed).collect();
                let streamed = facts(Compression::Lz4, &changed, 1 << 20);
                assert_eq!(whole.is_ok(), streamed.is_ok(), "{byte:#x} at {place}");
            }
        }
        for length in 0..payload.len() {
            let whole: Result<Vec<_>, _> = RecordIter::new(&payload[..length]).collect();
            let streamed = facts(Compression::Zstd, &payload[..length], 1 << 20);
            assert_eq!(whole.is_ok(), streamed.is_ok(), "cut at {length}");
        }
    }
}
