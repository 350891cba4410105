//! Reads wire values from received bytes. Pure; no method panics, whatever the bytes are.
//!
//! `flexible` selects between the two forms of a length: a fixed integer (-1 is null), or an
//! unsigned varint that is one higher (0 is null).

use bytes::Bytes;

use super::{ARRAY_ELEMENTS_MAX, DecodeError, STRING_BYTES_MAX, TAGGED_FIELDS_MAX};
use crate::types::Uuid;

/// At most so many elements are reserved before the first one has been read.
const RESERVED_ELEMENTS_MAX: usize = 16;

/// A position in received bytes. Byte fields are slices of them, so they keep the whole alive.
#[derive(Debug, Clone)]
pub struct Reader {
    bytes: Bytes,
    position: usize,
}

impl Reader {
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, position: 0 }
    }

    /// The number of bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// The number of bytes read.
    pub fn position(&self) -> usize {
        self.position
    }

    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// What has not yet been read, as a slice of the input.
    pub fn rest(&self) -> Bytes {
        self.bytes.slice(self.position..)
    }

    /// A part of the whole input, by absolute positions.
    pub fn bytes_at(&self, range: std::ops::Range<usize>) -> Option<Bytes> {
        (range.start <= range.end && range.end <= self.bytes.len()).then(|| self.bytes.slice(range))
    }

    /// The next `length` bytes, as a slice of the input.
    pub fn slice(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        self.require(length)?;
        let bytes = self.bytes.slice(self.position..self.position + length);
        self.position += length;
        Ok(bytes)
    }

    pub fn skip(&mut self, length: usize) -> Result<(), DecodeError> {
        self.require(length)?;
        self.position += length;
        Ok(())
    }

    fn require(&self, needed: usize) -> Result<(), DecodeError> {
        let remaining = self.remaining();
        if needed > remaining {
            return Err(DecodeError::UnexpectedEnd { needed, remaining });
        }
        Ok(())
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let Some(value) = rest.first_chunk::<N>() else {
            return Err(DecodeError::UnexpectedEnd {
                needed: N,
                remaining: rest.len(),
            });
        };
        self.position += N;
        Ok(*value)
    }

    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        self.fixed().map(i8::from_be_bytes)
    }

    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        self.fixed().map(i32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        self.fixed().map(i64::from_be_bytes)
    }

    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.fixed().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.fixed().map(u32::from_be_bytes)
    }

    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        self.fixed().map(f64::from_be_bytes)
    }

    /// Any byte but zero is true.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        self.fixed::<1>().map(|byte| byte != [0])
    }

    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        self.fixed().map(Uuid::from_bytes)
    }

    /// At most five bytes and 32 bits; longer forms than needed are accepted.
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let value = self.unsigned(5)?;
        u32::try_from(value).map_err(|_| DecodeError::VarintTooLong)
    }

    /// At most ten bytes and 64 bits.
    pub fn unsigned_varlong(&mut self) -> Result<u64, DecodeError> {
        self.unsigned(10)
    }

    fn unsigned(&mut self, bytes_max: u32) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for index in 0..bytes_max {
            let [byte] = self.fixed::<1>()?;
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return Err(DecodeError::VarintTooLong);
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::VarintTooLong)
    }

    /// Zigzag form.
    pub fn varint(&mut self) -> Result<i32, DecodeError> {
        let value = self.unsigned_varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Zigzag form.
    pub fn varlong(&mut self) -> Result<i64, DecodeError> {
        let value = self.unsigned_varlong()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(self
            .unsigned_varint()?
            .checked_sub(1)
            .map(|length| length as usize))
    }

    fn fixed_length(length: i64) -> Result<Option<usize>, DecodeError> {
        if length == -1 {
            return Ok(None);
        }
        usize::try_from(length)
            .map(Some)
            .map_err(|_| DecodeError::InvalidLength(length))
    }

    pub fn string(&mut self) -> Result<String, DecodeError> {
        self.nullable_string()?.ok_or(DecodeError::UnexpectedNull)
    }

    pub fn nullable_string(&mut self) -> Result<Option<String>, DecodeError> {
        let length = Self::fixed_length(i64::from(self.i16()?))?;
        length.map(|length| self.text(length)).transpose()
    }

    pub fn compact_string(&mut self) -> Result<String, DecodeError> {
        self.compact_nullable_string()?
            .ok_or(DecodeError::UnexpectedNull)
    }

    pub fn compact_nullable_string(&mut self) -> Result<Option<String>, DecodeError> {
        let length = self.compact_length()?;
        length.map(|length| self.text(length)).transpose()
    }

    pub fn flex_string(&mut self, flexible: bool) -> Result<String, DecodeError> {
        if flexible {
            self.compact_string()
        } else {
            self.string()
        }
    }

    pub fn flex_nullable_string(&mut self, flexible: bool) -> Result<Option<String>, DecodeError> {
        if flexible {
            self.compact_nullable_string()
        } else {
            self.nullable_string()
        }
    }

    /// Bytes that are no UTF-8 are replaced, as Java clients and brokers do.
    fn text(&mut self, length: usize) -> Result<String, DecodeError> {
        if length > STRING_BYTES_MAX {
            return Err(DecodeError::StringTooLong(length));
        }
        self.require(length)?;
        let bytes = self
            .bytes
            .get(self.position..self.position + length)
            .unwrap_or_default();
        let text = String::from_utf8_lossy(bytes).into_owned();
        if text.len() > STRING_BYTES_MAX {
            // each bad byte became three: what could not be sent back is not taken in
            return Err(DecodeError::StringTooLong(text.len()));
        }
        self.position += length;
        Ok(text)
    }

    pub fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        self.nullable_bytes()?.ok_or(DecodeError::UnexpectedNull)
    }

    pub fn nullable_bytes(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let length = Self::fixed_length(i64::from(self.i32()?))?;
        length.map(|length| self.slice(length)).transpose()
    }

    pub fn compact_bytes(&mut self) -> Result<Bytes, DecodeError> {
        self.compact_nullable_bytes()?
            .ok_or(DecodeError::UnexpectedNull)
    }

    pub fn compact_nullable_bytes(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let length = self.compact_length()?;
        length.map(|length| self.slice(length)).transpose()
    }

    pub fn flex_bytes(&mut self, flexible: bool) -> Result<Bytes, DecodeError> {
        if flexible {
            self.compact_bytes()
        } else {
            self.bytes()
        }
    }

    pub fn flex_nullable_bytes(&mut self, flexible: bool) -> Result<Option<Bytes>, DecodeError> {
        if flexible {
            self.compact_nullable_bytes()
        } else {
            self.nullable_bytes()
        }
    }

    /// The number of elements of an array, none for null. `element_bytes_min` is the least that
    /// one element takes on the wire, so that a count is never believed beyond what was received.
    pub fn array_count(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
    ) -> Result<Option<usize>, DecodeError> {
        let length = if flexible {
            self.compact_length()?
        } else {
            Self::fixed_length(i64::from(self.i32()?))?
        };
        let Some(count) = length else { return Ok(None) };
        let remaining = self.remaining();
        if count > ARRAY_ELEMENTS_MAX || count > remaining / element_bytes_min.max(1) {
            return Err(DecodeError::TooManyElements { count, remaining });
        }
        Ok(Some(count))
    }

    /// An array whose elements `element` reads.
    pub fn array<T>(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
        element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_array(flexible, element_bytes_min, element)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    /// An array that may be null.
    pub fn nullable_array<T>(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.array_count(flexible, element_bytes_min)? else {
            return Ok(None);
        };
        let mut elements = Vec::new();
        for read in 0..count {
            if elements.len() == elements.capacity() {
                // doubling, but never beyond what is still to come
                elements.reserve_exact((count - read).min(read.max(RESERVED_ELEMENTS_MAX)));
            }
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// A structure that may be null: a negative byte, or another byte and the structure.
    pub fn nullable_struct<T>(
        &mut self,
        value: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.i8()? < 0 {
            Ok(None)
        } else {
            value(self).map(Some)
        }
    }

    /// The same as the value of a tagged field: zero for null, or one and the structure.
    pub fn nullable_tagged_struct<T>(
        &mut self,
        value: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.unsigned_varint()? == 0 {
            Ok(None)
        } else {
            value(self).map(Some)
        }
    }

    /// Skips a section of tagged fields without storing any.
    pub fn skip_tagged_fields(&mut self) -> Result<(), DecodeError> {
        self.tagged_fields(|_, _| Ok(false))
    }

    /// Reads a section of tagged fields. `field` gets the tag, reads the value and returns true,
    /// or returns false for an unknown tag, which is then skipped. Of a repeated tag the last
    /// value holds, as in Java.
    pub fn tagged_fields(
        &mut self,
        mut field: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        let count = self.unsigned_varint()?;
        if count > TAGGED_FIELDS_MAX {
            return Err(DecodeError::TooManyTaggedFields(count));
        }
        for _ in 0..count {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()? as usize;
            self.require(size)?;
            let start = self.position;
            if !field(self, tag)? {
                self.skip(size)?;
            }
            let read = self.position - start;
            if read != size {
                return Err(DecodeError::TaggedFieldSize { tag, size, read });
            }
        }
        Ok(())
    }
}
