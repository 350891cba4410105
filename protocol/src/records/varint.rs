//! Zigzag varints as records use them. Pure. Non-minimal forms are accepted, as Java does;
//! a value that does not fit its type is refused.

const CONTINUES: u8 = 0x80;
const PAYLOAD: u8 = 0x7f;

/// Takes one 32-bit zigzag varint from the front of `input`.
#[inline]
pub(crate) fn take_varint(input: &mut &[u8]) -> Option<i32> {
    let bytes = *input;
    let first = *bytes.first()?;
    if first < CONTINUES {
        *input = bytes.get(1..)?;
        return Some(unzigzag32(u32::from(first)));
    }
    let second = *bytes.get(1)?;
    if second < CONTINUES {
        *input = bytes.get(2..)?;
        return Some(unzigzag32(
            u32::from(first & PAYLOAD) | u32::from(second) << 7,
        ));
    }
    let value = take_long_form(input, 5)?;
    u32::try_from(value).ok().map(unzigzag32)
}

/// Takes one 64-bit zigzag varint from the front of `input`.
#[inline]
pub(crate) fn take_varlong(input: &mut &[u8]) -> Option<i64> {
    let bytes = *input;
    let first = *bytes.first()?;
    if first < CONTINUES {
        *input = bytes.get(1..)?;
        return Some(unzigzag64(u64::from(first)));
    }
    take_long_form(input, 10).map(unzigzag64)
}

fn take_long_form(input: &mut &[u8], bytes_max: usize) -> Option<u64> {
    let mut value = 0_u64;
    for (index, &byte) in input.iter().take(bytes_max).enumerate() {
        let shift = 7 * u32::try_from(index).ok()?;
        let part = u64::from(byte & PAYLOAD);
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if byte < CONTINUES {
            *input = input.get(index + 1..)?;
            return Some(value);
        }
    }
    None
}

#[inline]
pub(super) fn unzigzag32(raw: u32) -> i32 {
    ((raw >> 1) ^ (raw & 1).wrapping_neg()).cast_signed()
}

#[inline]
pub(super) fn unzigzag64(raw: u64) -> i64 {
    ((raw >> 1) ^ (raw & 1).wrapping_neg()).cast_signed()
}

pub(crate) fn put_varint(out: &mut Vec<u8>, value: i32) {
    put_varlong(out, i64::from(value));
}

pub(crate) fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while raw >= u64::from(CONTINUES) {
        out.push((raw & u64::from(PAYLOAD)).to_le_bytes()[0] | CONTINUES);
        raw >>= 7;
    }
    out.push(raw.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_varint_returns_as_it_was_written(value: i32) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut input = bytes.as_slice();
            prop_assert_eq!(take_varint(&mut input), Some(value));
            prop_assert!(input.is_empty());
        }

        #[test]
        fn every_varlong_returns_as_it_was_written(value: i64) {
            let mut bytes = Vec::new();
            put_varlong(&mut bytes, value);
            let mut input = bytes.as_slice();
            prop_assert_eq!(take_varlong(&mut input), Some(value));
            prop_assert!(input.is_empty());
        }
    }

    #[test]
    fn a_varint_that_does_not_fit_or_does_not_end_is_refused() {
        assert_eq!(
            take_varint(&mut [0xff, 0xff, 0xff, 0xff, 0x1f].as_slice()),
            None
        );
        assert_eq!(take_varint(&mut [0xff; 6].as_slice()), None);
        assert_eq!(take_varint(&mut [0x80].as_slice()), None);
        assert_eq!(take_varint(&mut [].as_slice()), None);
        assert_eq!(take_varlong(&mut [0xff; 11].as_slice()), None);
        let mut too_big = [0xff; 10];
        too_big[9] = 2;
        assert_eq!(take_varlong(&mut too_big.as_slice()), None);
    }

    #[test]
    fn a_non_minimal_varint_is_accepted() {
        assert_eq!(take_varint(&mut [0x82, 0x80, 0x00].as_slice()), Some(1));
        assert_eq!(take_varlong(&mut [0x82, 0x80, 0x00].as_slice()), Some(1));
    }
}
