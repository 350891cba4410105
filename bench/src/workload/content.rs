//! What the values of the records are made of. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Words of the text content.
const WORDS: [&str; 16] = [
    "order", "user", "created", "payment", "status", "amount", "item", "shipped", "the", "event",
    "account", "of", "session", "page", "view", "price",
];

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Content {
    /// Bytes that do not compress.
    Random,
    Zeros,
    /// Words, which compress about as logs do.
    Text,
    /// This part random, the rest zeros.
    Ratio(f64),
}

impl Content {
    pub(crate) fn fill(self, bytes: &mut [u8], random: &mut fastrand::Rng) {
        match self {
            Self::Random => random.fill(bytes),
            Self::Zeros => bytes.fill(0),
            Self::Text => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let word = WORDS[random.usize(..WORDS.len())].as_bytes();
                    let len = word.len().min(rest.len());
                    rest[..len].copy_from_slice(&word[..len]);
                    rest = &mut rest[len..];
                    if let Some(space) = rest.first_mut() {
                        *space = b' ';
                        rest = &mut rest[1..];
                    }
                }
            }
            Self::Ratio(ratio) => {
                bytes.fill(0);
                let part = super::units::to_whole(bytes.len() as f64 * ratio.clamp(0.0, 1.0));
                let part = usize::try_from(part).unwrap_or(0).min(bytes.len());
                random.fill(&mut bytes[..part]);
            }
        }
    }
}

impl FromStr for Content {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["random"] => Ok(Self::Random),
            ["zeros"] => Ok(Self::Zeros),
            ["text"] => Ok(Self::Text),
            ["ratio", ratio] => match ratio.parse() {
                Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Self::Ratio(ratio)),
                Ok(_) | Err(_) => Err(format!("'{ratio}' is no part between 0 and 1")),
            },
            _ => Err(format!("'{text}' is not random, zeros, text or 'ratio R'")),
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => write!(f, "random"),
            Self::Zeros => write!(f, "zeros"),
            Self::Text => write!(f, "text"),
            Self::Ratio(ratio) => write!(f, "ratio {ratio}"),
        }
    }
}

impl TryFrom<String> for Content {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Content> for String {
    fn from(content: Content) -> Self {
        content.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_what_they_say() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut bytes = [9; 1000];
        Content::Ratio(0.25).fill(&mut bytes, &mut random);
        let zeros = bytes.iter().filter(|byte| **byte == 0).count();
        assert!((750..760).contains(&zeros), "{zeros}");
        Content::Text.fill(&mut bytes, &mut random);
        assert!(bytes.is_ascii() && !bytes.contains(&0));
        for text in ["random", "zeros", "text", "ratio 0.5"] {
            assert_eq!(text.parse::<Content>().unwrap().to_string(), text);
        }
        assert!("ratio 2".parse::<Content>().is_err());
    }
}
