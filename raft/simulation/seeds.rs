//! The seeds that a run is asked for, as a command line or a variable of the environment gives them.

use std::ops::Range;

/// `FIRST..END`, or one seed.
///
/// # Panics
/// The text is something else.
pub(crate) fn range_of(text: &str) -> Range<u64> {
    let parse = |seed: &str| {
        seed.parse()
            .unwrap_or_else(|_| panic!("FIRST..END: {text}"))
    };
    match text.split_once("..") {
        Some((first, end)) => parse(first)..parse(end),
        None => parse(text)..parse(text) + 1,
    }
}
