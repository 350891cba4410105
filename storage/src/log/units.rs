//! Conversions between positions in files (64 bits) and indices of memory. Pure.

use crate::extent::PAGE_BYTES;

const _: () = assert!(
    size_of::<usize>() == 8,
    "positions index memory on 64-bit targets"
);

/// A position or length as an index.
#[expect(
    clippy::cast_possible_truncation,
    reason = "asserted above: usize has 64 bits"
)]
pub(crate) const fn to_usize(value: u64) -> usize {
    value as usize
}

/// The beginning of the page that holds `position`.
pub(crate) const fn page_floor(position: u64) -> u64 {
    position - position % PAGE_BYTES as u64
}

/// The beginning of the next page, or `position` itself when it begins one.
pub(crate) const fn page_ceil(position: u64) -> u64 {
    position.next_multiple_of(PAGE_BYTES as u64)
}
