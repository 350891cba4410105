//! Which topic names are legal, and which two cannot live together.
//! Owns the name rules. Pure.

use protocol::error_code::ErrorCode;

use crate::controller::Refusal;
use crate::metadata::image::{ClusterImage, TopicImage};

const NAME_BYTES_MAX: usize = 249;

/// Checks a topic name.
///
/// # Errors
/// `InvalidTopicException` with Kafka's text.
pub(crate) fn validate(name: &str) -> Result<(), Refusal> {
    let cause = if name.is_empty() {
        String::from("the empty string is not allowed")
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.chars().count() > NAME_BYTES_MAX {
        format!("the length of '{name}' is longer than the max allowed length {NAME_BYTES_MAX}")
    } else if !name.bytes().all(is_legal) {
        format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' \
             and '-'"
        )
    } else {
        return Ok(());
    };
    let message = format!("Topic name is invalid: {cause}");
    Err(Refusal::new(ErrorCode::InvalidTopicException, message))
}

fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// The existing topic whose name differs from this one only in `.` against `_`: metric names of
/// the two would be the same.
pub(crate) fn colliding<'a>(image: &'a ClusterImage, name: &str) -> Option<&'a TopicImage> {
    if !name.contains(['.', '_']) {
        return None;
    }
    let same = |other: &str| {
        other.len() == name.len()
            && other != name
            && other
                .bytes()
                .zip(name.bytes())
                .all(|(a, b)| folded(a) == folded(b))
    };
    image
        .topics
        .iter()
        .find(|topic| same(&topic.name))
        .map(|topic| &**topic)
}

fn folded(byte: u8) -> u8 {
    if byte == b'.' { b'_' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str) -> Option<String> {
        validate(name).err().and_then(|refusal| refusal.message)
    }

    #[test]
    fn names_of_legal_characters_up_to_249_bytes_are_accepted() {
        for name in [
            "a",
            "A-z_0.9",
            "...",
            "__consumer_offsets",
            &"x".repeat(249),
        ] {
            assert_eq!(validate(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn each_kind_of_illegal_name_has_its_own_text() {
        let is = |name: &str, text: &str| assert_eq!(message(name).as_deref(), Some(text));
        is("", "Topic name is invalid: the empty string is not allowed");
        is(".", "Topic name is invalid: '.' is not allowed");
        is("..", "Topic name is invalid: '..' is not allowed");
        is(
            "a b",
            "Topic name is invalid: 'a b' contains one or more characters other than ASCII \
             alphanumerics, '.', '_' and '-'",
        );
        let long = "x".repeat(250);
        is(
            &long,
            &format!(
                "Topic name is invalid: the length of '{long}' is longer than the max allowed \
                 length 249"
            ),
        );
    }
}
