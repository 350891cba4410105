//! Appends wire values to a growing buffer: the mirror of the reader. Pure; cannot fail.

use bytes::{BufMut, Bytes, BytesMut};

use super::STRING_BYTES_MAX;
use crate::types::Uuid;

/// A growing buffer of wire values.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: BytesMut,
}

impl Writer {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: BytesMut::with_capacity(capacity),
        }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives up what was written.
    pub fn freeze(self) -> Bytes {
        self.bytes.freeze()
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.put_slice(bytes);
    }

    /// Overwrites four bytes written before, such as a length that was not known then.
    ///
    /// # Panics
    /// The four bytes have not been written yet.
    pub fn patch_i32(&mut self, position: usize, value: i32) {
        self.bytes[position..position + 4].copy_from_slice(&value.to_be_bytes());
    }

    pub fn i8(&mut self, value: i8) {
        self.bytes.put_i8(value);
    }

    pub fn i16(&mut self, value: i16) {
        self.bytes.put_i16(value);
    }

    pub fn i32(&mut self, value: i32) {
        self.bytes.put_i32(value);
    }

    pub fn i64(&mut self, value: i64) {
        self.bytes.put_i64(value);
    }

    pub fn u16(&mut self, value: u16) {
        self.bytes.put_u16(value);
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes.put_u32(value);
    }

    pub fn f64(&mut self, value: f64) {
        self.bytes.put_f64(value);
    }

    pub fn bool(&mut self, value: bool) {
        self.bytes.put_u8(u8::from(value));
    }

    pub fn uuid(&mut self, value: Uuid) {
        self.bytes.put_slice(value.as_bytes());
    }

    pub fn unsigned_varint(&mut self, value: u32) {
        self.unsigned_varlong(u64::from(value));
    }

    pub fn unsigned_varlong(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.put_u8(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.bytes.put_u8(value.to_le_bytes()[0]);
    }

    /// Zigzag form.
    pub fn varint(&mut self, value: i32) {
        self.unsigned_varint(((value << 1) ^ (value >> 31)).cast_unsigned());
    }

    /// Zigzag form.
    pub fn varlong(&mut self, value: i64) {
        self.unsigned_varlong(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    fn compact_length(&mut self, length: Option<usize>) {
        self.unsigned_varlong(length.map_or(0, |length| length as u64 + 1));
    }

    pub fn string(&mut self, value: &str) {
        let text = sendable(value);
        self.bytes
            .put_u16(u16::try_from(text.len()).unwrap_or_default());
        self.raw(text.as_bytes());
    }

    pub fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(text) => self.string(text),
            None => self.i16(-1),
        }
    }

    pub fn compact_string(&mut self, value: &str) {
        let text = sendable(value);
        self.compact_length(Some(text.len()));
        self.raw(text.as_bytes());
    }

    pub fn compact_nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(text) => self.compact_string(text),
            None => self.compact_length(None),
        }
    }

    pub fn flex_string(&mut self, flexible: bool, value: &str) {
        if flexible {
            self.compact_string(value)
        } else {
            self.string(value)
        }
    }

    pub fn flex_nullable_string(&mut self, flexible: bool, value: Option<&str>) {
        if flexible {
            self.compact_nullable_string(value)
        } else {
            self.nullable_string(value)
        }
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.array_count(false, Some(value.len()));
        self.raw(value);
    }

    pub fn nullable_bytes(&mut self, value: Option<&[u8]>) {
        self.flex_nullable_bytes(false, value);
    }

    pub fn compact_bytes(&mut self, value: &[u8]) {
        self.array_count(true, Some(value.len()));
        self.raw(value);
    }

    pub fn compact_nullable_bytes(&mut self, value: Option<&[u8]>) {
        self.flex_nullable_bytes(true, value);
    }

    pub fn flex_bytes(&mut self, flexible: bool, value: &[u8]) {
        self.array_count(flexible, Some(value.len()));
        self.raw(value);
    }

    pub fn flex_nullable_bytes(&mut self, flexible: bool, value: Option<&[u8]>) {
        self.array_count(flexible, value.map(<[u8]>::len));
        self.raw(value.unwrap_or_default());
    }

    /// The number of elements (or bytes) that follow, none for null.
    ///
    /// # Panics
    /// The count does not fit into 31 bits, which no message in memory reaches.
    #[expect(clippy::expect_used, reason = "frames are limited to far below 2 GiB")]
    pub fn array_count(&mut self, flexible: bool, count: Option<usize>) {
        let fixed = count.map_or(-1, |count| {
            i32::try_from(count).expect("count fits 31 bits")
        });
        if flexible {
            self.compact_length(count)
        } else {
            self.i32(fixed)
        }
    }

    /// An array whose elements `element` writes.
    pub fn array<T>(
        &mut self,
        flexible: bool,
        values: &[T],
        mut element: impl FnMut(&mut Self, &T),
    ) {
        self.array_count(flexible, Some(values.len()));
        for value in values {
            element(self, value);
        }
    }

    /// An array that may be null.
    pub fn nullable_array<T>(
        &mut self,
        flexible: bool,
        values: Option<&[T]>,
        element: impl FnMut(&mut Self, &T),
    ) {
        match values {
            Some(values) => self.array(flexible, values, element),
            None => self.array_count(flexible, None),
        }
    }

    /// A structure that may be null: -1, or 1 and the structure.
    pub fn nullable_struct<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        match value {
            Some(value) => {
                self.i8(1);
                write(self, value);
            }
            None => self.i8(-1),
        }
    }

    /// The same as the value of a tagged field: zero for null, or one and the structure.
    pub fn nullable_tagged_struct<T>(
        &mut self,
        value: Option<&T>,
        write: impl FnOnce(&mut Self, &T),
    ) {
        self.unsigned_varint(u32::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// A section without tagged fields.
    pub fn empty_tagged_fields(&mut self) {
        self.bytes.put_u8(0);
    }

    /// Starts a section of tagged fields, to be ended by [`TaggedFields::finish`].
    pub fn tagged_fields(&mut self) -> TaggedFields<'_> {
        let position = self.len();
        self.bytes.put_u8(0);
        TaggedFields {
            writer: self,
            position,
            count: 0,
        }
    }
}

/// A section of tagged fields in the making.
#[derive(Debug)]
#[must_use = "finish() writes the number of fields"]
pub struct TaggedFields<'a> {
    writer: &'a mut Writer,
    position: usize,
    count: u8,
}

impl TaggedFields<'_> {
    /// Appends one field; tags must ascend.
    ///
    /// # Panics
    /// The field is of 2 GiB or more.
    #[expect(clippy::expect_used, reason = "frames are limited to far below 2 GiB")]
    pub fn field(&mut self, tag: u32, write: impl FnOnce(&mut Writer)) {
        self.count += 1;
        let writer = &mut *self.writer;
        writer.unsigned_varint(tag);
        let start = writer.len();
        write(writer);
        // the size goes in front of the value: append it, then turn the two around
        let size = writer.len() - start;
        writer.unsigned_varint(u32::try_from(size).expect("size fits 31 bits"));
        writer.bytes[start..].rotate_left(size);
    }

    /// Writes the number of fields.
    ///
    /// # Panics
    /// There are more than 127 fields, which no schema has.
    pub fn finish(self) {
        assert!(self.count < 0x80, "a section has at most 127 known fields");
        self.writer.bytes[self.position] = self.count;
    }
}

/// The text, cut at a character boundary to what the wire can express. Only texts of our own,
/// such as error messages, can be longer: the reader refuses such strings.
fn sendable(text: &str) -> &str {
    &text[..text.floor_char_boundary(STRING_BYTES_MAX)]
}
