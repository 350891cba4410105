//! Reader and writer: both ways for every kind of value, and the limits on what is read.

use bytes::Bytes;
use proptest::prelude::*;

use super::{ARRAY_ELEMENTS_MAX, DecodeError, Reader, Writer};
use crate::types::Uuid;

fn reader(bytes: &[u8]) -> Reader {
    Reader::new(Bytes::copy_from_slice(bytes))
}

fn written(write: impl FnOnce(&mut Writer)) -> Reader {
    let mut writer = Writer::new();
    write(&mut writer);
    Reader::new(writer.freeze())
}

proptest! {
    #[test]
    fn integers_round_trip(a: i8, b: i16, c: i32, d: i64, e: u16, f: u32, g: u128) {
        let mut reader = written(|writer| {
            writer.i8(a);
            writer.i16(b);
            writer.i32(c);
            writer.i64(d);
            writer.u16(e);
            writer.u32(f);
            writer.uuid(Uuid::from_u128(g));
        });
        prop_assert_eq!(reader.i8(), Ok(a));
        prop_assert_eq!(reader.i16(), Ok(b));
        prop_assert_eq!(reader.i32(), Ok(c));
        prop_assert_eq!(reader.i64(), Ok(d));
        prop_assert_eq!(reader.u16(), Ok(e));
        prop_assert_eq!(reader.u32(), Ok(f));
        prop_assert_eq!(reader.uuid(), Ok(Uuid::from_u128(g)));
        prop_assert!(reader.is_empty());
    }

    #[test]
    fn varints_round_trip(a: u32, b: i32, c: i64, d: u64) {
        let mut reader = written(|writer| {
            writer.unsigned_varint(a);
            writer.varint(b);
            writer.varlong(c);
            writer.unsigned_varlong(d);
        });
        prop_assert_eq!(reader.unsigned_varint(), Ok(a));
        prop_assert_eq!(reader.varint(), Ok(b));
        prop_assert_eq!(reader.varlong(), Ok(c));
        prop_assert_eq!(reader.unsigned_varlong(), Ok(d));
        prop_assert!(reader.is_empty());
    }

    #[test]
    fn strings_and_bytes_round_trip(flexible: bool, text: Option<String>, bytes: Option<Vec<u8>>) {
        let mut reader = written(|writer| {
            writer.flex_nullable_string(flexible, text.as_deref());
            writer.flex_nullable_bytes(flexible, bytes.as_deref());
        });
        prop_assert_eq!(reader.flex_nullable_string(flexible), Ok(text));
        prop_assert_eq!(reader.flex_nullable_bytes(flexible), Ok(bytes.map(Bytes::from)));
        prop_assert!(reader.is_empty());
    }

    #[test]
    fn arrays_round_trip(flexible: bool, values: Option<Vec<i32>>) {
        let write = |writer: &mut Writer| {
            writer.nullable_array(flexible, values.as_deref(), |writer, value| writer.i32(*value));
        };
        let read = written(write).nullable_array(flexible, 4, Reader::i32);
        prop_assert_eq!(read, Ok(values));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, flexible: bool, least in 0_usize..40) {
        let _ = reader(&bytes).unsigned_varlong();
        drop(reader(&bytes).flex_nullable_string(flexible));
        drop(reader(&bytes).flex_nullable_bytes(flexible));
        let _ = reader(&bytes).skip_tagged_fields();
        if let Ok(Some(count)) = reader(&bytes).array_count(flexible, least) {
            prop_assert!(count * least <= bytes.len());
        }
    }
}

#[test]
fn varints_have_the_wire_form_of_kafka() {
    let mut writer = Writer::new();
    writer.unsigned_varint(300);
    writer.varint(-1);
    writer.varlong(i64::MIN);
    let long = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(writer.as_slice(), [&[0xac, 0x02, 0x01], &long[..]].concat());
}

#[test]
fn varints_that_are_too_long_are_refused() {
    assert_eq!(
        reader(&[0x80; 6]).unsigned_varint(),
        Err(DecodeError::VarintTooLong)
    );
    assert_eq!(
        reader(&[0x80; 11]).unsigned_varlong(),
        Err(DecodeError::VarintTooLong)
    );
    let above = [0xff, 0xff, 0xff, 0xff, 0x10];
    assert_eq!(
        reader(&above).unsigned_varint(),
        Err(DecodeError::VarintTooLong)
    );
    assert_eq!(reader(&[0x80, 0x00]).unsigned_varint(), Ok(0));
}

#[test]
fn counts_beyond_the_bytes_or_the_limit_are_refused() {
    let error = |count, remaining| Err(DecodeError::TooManyElements { count, remaining });
    assert_eq!(
        reader(&[0x7f, 0xff, 0xff, 0xff]).array_count(false, 1),
        error(0x7fff_ffff, 0)
    );
    assert_eq!(reader(&[4, 0, 0, 0, 0]).array_count(true, 2), error(3, 4));
    assert_eq!(reader(&[3, 0, 0, 0, 0]).array_count(true, 2), Ok(Some(2)));
    assert_eq!(reader(&[0xff; 4]).array_count(false, 1), Ok(None));
    let negative = [0xff, 0xff, 0xff, 0xfe];
    assert_eq!(
        reader(&negative).array_count(false, 1),
        Err(DecodeError::InvalidLength(-2))
    );

    let count = ARRAY_ELEMENTS_MAX + 1;
    let mut many = written(|writer| {
        writer.array_count(true, Some(count));
        writer.raw(&vec![0; count]);
    });
    assert_eq!(many.array_count(true, 1), error(count, count));
}

#[test]
fn null_is_refused_where_it_has_no_place() {
    assert_eq!(
        reader(&[0xff; 2]).string(),
        Err(DecodeError::UnexpectedNull)
    );
    assert_eq!(
        reader(&[0]).compact_string(),
        Err(DecodeError::UnexpectedNull)
    );
    assert_eq!(reader(&[0xff; 4]).bytes(), Err(DecodeError::UnexpectedNull));
    assert_eq!(
        reader(&[0]).array(true, 1, Reader::i8),
        Err(DecodeError::UnexpectedNull)
    );
}

#[test]
fn bad_text_is_replaced_and_long_text_refused() {
    assert_eq!(
        reader(&[0, 2, 0xff, b'a']).string(),
        Ok("\u{fffd}a".to_owned())
    );
    let mut long = written(|writer| writer.compact_bytes(&[b'a'; 32_768]));
    assert_eq!(
        long.compact_string(),
        Err(DecodeError::StringTooLong(32_768))
    );
    // each byte would become three
    let mut bad = written(|writer| writer.compact_bytes(&[0xff; 11_000]));
    assert_eq!(
        bad.compact_string(),
        Err(DecodeError::StringTooLong(33_000))
    );
}

#[test]
fn text_of_our_own_is_cut_at_a_character() {
    let text = "é".repeat(20_000);
    let read = written(|writer| writer.string(&text)).string();
    assert_eq!(read.map(|read| read.len()), Ok(32_766));
}

#[test]
fn tagged_fields_are_read_by_tag_and_unknown_ones_skipped() {
    let mut reader = written(|writer| {
        let mut tags = writer.tagged_fields();
        tags.field(0, |writer| writer.i16(7));
        tags.field(3, |writer| writer.raw(&[9; 200]));
        tags.finish();
    });
    let mut value = None;
    let result = reader.tagged_fields(|reader, tag| {
        if tag == 0 {
            value = Some(reader.i16()?);
        }
        Ok(tag == 0)
    });
    assert_eq!((result, value), (Ok(()), Some(7)));
    assert!(reader.is_empty());
}

#[test]
fn tagged_field_of_another_size_is_refused() {
    let mut reader = reader(&[1, 0, 3, 0, 7, 9]);
    let result = reader.tagged_fields(|reader, _| reader.i16().map(|_| true));
    assert_eq!(
        result,
        Err(DecodeError::TaggedFieldSize {
            tag: 0,
            size: 3,
            read: 2
        })
    );
}

#[test]
fn ten_thousand_tags_are_skipped_and_one_more_refused() {
    let section = |count: u32| {
        written(|writer| {
            writer.unsigned_varint(count);
            writer.raw(&vec![0; count as usize * 2]);
        })
    };
    assert_eq!(section(10_000).skip_tagged_fields(), Ok(()));
    let error = Err(DecodeError::TooManyTaggedFields(10_001));
    assert_eq!(section(10_001).skip_tagged_fields(), error);
}

#[test]
fn byte_fields_are_slices_of_the_input() {
    let input = Bytes::from_static(&[0, 0, 0, 2, 5, 6]);
    let mut reader = Reader::new(input.clone());
    let bytes = reader.bytes();
    assert_eq!(bytes.as_deref(), Ok(&[5, 6][..]));
    assert_eq!(bytes.map(|bytes| bytes.as_ptr()), Ok(input[4..].as_ptr()));
    assert_eq!(reader.bytes_at(4..6), Some(input.slice(4..)));
    assert_eq!(reader.bytes_at(4..7), None);
}
