//! Small wire types that are no Rust primitives: the UUID of topics, directories and clusters.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const TEXT_BYTES: usize = 22;

/// A 128-bit identifier. Its text form is base64url without padding, as Kafka prints it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Uuid([u8; 16]);

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UuidError {
    #[error("a uuid has 22 characters, not {0}")]
    Length(usize),
    #[error("byte {0:#04x} is no base64url character")]
    Character(u8),
}

impl Uuid {
    /// All bits zero: "no id".
    pub const ZERO: Self = Self([0; 16]);
    /// The id of the cluster metadata topic.
    pub const METADATA_TOPIC: Self = Self::from_u128(1);

    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn from_u128(value: u128) -> Self {
        Self(value.to_be_bytes())
    }

    pub const fn to_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 128 bits are 21 full digits of six bits, and two bits that head the last digit
        let bits = self.to_u128();
        for digit in 0..TEXT_BYTES {
            let index = match digit {
                21 => (bits & 0b11) << 4,
                _ => (bits >> (122 - 6 * digit)) & 0b11_1111,
            };
            let character = ALPHABET[usize::try_from(index).unwrap_or_default()];
            fmt::Write::write_char(formatter, char::from(character))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Uuid({self})")
    }
}

impl FromStr for Uuid {
    type Err = UuidError;

    fn from_str(text: &str) -> Result<Self, UuidError> {
        let digits = text.strip_suffix("==").unwrap_or(text).as_bytes();
        if digits.len() != TEXT_BYTES {
            return Err(UuidError::Length(text.len()));
        }
        let mut bits = 0_u128;
        for (position, digit) in digits.iter().enumerate() {
            let value = digit_value(*digit).ok_or(UuidError::Character(*digit))?;
            bits = match position {
                21 => bits << 2 | u128::from(value >> 4),
                _ => bits << 6 | u128::from(value),
            };
        }
        Ok(Self::from_u128(bits))
    }
}

const fn digit_value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Uuid, UuidError};

    proptest! {
        #[test]
        fn text_form_round_trips(value: u128) {
            let uuid = Uuid::from_u128(value);
            let text = uuid.to_string();
            prop_assert_eq!(text.len(), 22);
            prop_assert_eq!(text.parse(), Ok(uuid));
            prop_assert_eq!(format!("{text}==").parse(), Ok(uuid));
        }
    }

    #[test]
    fn text_form_is_kafkas() {
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid::METADATA_TOPIC.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(
            Uuid::from_u128(u128::MAX).to_string(),
            "_____________________w"
        );
        assert!(Uuid::ZERO.is_zero() && !Uuid::METADATA_TOPIC.is_zero());
    }

    #[test]
    fn wrong_text_is_refused() {
        assert_eq!("".parse::<Uuid>(), Err(UuidError::Length(0)));
        assert_eq!(
            "AAAAAAAAAAAAAAAAAAAAA/".parse::<Uuid>(),
            Err(UuidError::Character(b'/'))
        );
        assert_eq!(
            "ä".repeat(11).parse::<Uuid>(),
            Err(UuidError::Character(0xc3))
        );
    }
}
