//! How large the values of the records are. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::units;

const VALUE_BYTES_MAX: u64 = 64 << 20;

/// A distribution of sizes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Sizes {
    Fixed(u32),
    /// Both ends included.
    Uniform(u32, u32),
    /// Mean and standard deviation.
    Normal(f64, f64),
    /// Median, and the standard deviation of the logarithm.
    Lognormal(f64, f64),
}

impl Sizes {
    pub(crate) fn sample(self, random: &mut fastrand::Rng) -> usize {
        let bytes = match self {
            Self::Fixed(bytes) => return bytes as usize,
            Self::Uniform(low, high) => return random.u32(low..=high) as usize,
            Self::Normal(mean, deviation) => mean + deviation * gauss(random),
            Self::Lognormal(median, sigma) => median * (sigma * gauss(random)).exp(),
        };
        let whole = units::to_whole(bytes.max(0.0)).min(VALUE_BYTES_MAX);
        usize::try_from(whole).unwrap_or(0)
    }
}

/// A sample of the standard normal distribution (Box and Muller).
fn gauss(random: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [size] => Ok(Self::Fixed(bytes(size)?)),
            ["uniform", range] => {
                let (low, high) = range.split_once("..").ok_or("uniform LOW..HIGH")?;
                let (low, high) = (bytes(low)?, bytes(high)?);
                if low > high {
                    return Err(format!("{low}..{high} holds nothing"));
                }
                Ok(Self::Uniform(low, high))
            }
            ["normal", mean, deviation] => Ok(Self::Normal(
                f64::from(bytes(mean)?),
                f64::from(bytes(deviation)?),
            )),
            ["lognormal", median, sigma] => {
                let sigma = units::quantity(sigma)?;
                if sigma > 5.0 {
                    return Err("a sigma above 5 is no distribution of sizes".to_owned());
                }
                Ok(Self::Lognormal(f64::from(bytes(median)?), sigma))
            }
            _ => Err(format!(
                "'{text}' is no size: BYTES, 'uniform LOW..HIGH', 'normal MEAN DEVIATION' or \
                 'lognormal MEDIAN SIGMA'"
            )),
        }
    }
}

fn bytes(text: &str) -> Result<u32, String> {
    let bytes = units::whole(text)?;
    if bytes > VALUE_BYTES_MAX {
        return Err(format!("a record has {VALUE_BYTES_MAX} bytes at most"));
    }
    Ok(u32::try_from(bytes).unwrap_or(u32::MAX))
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(bytes) => write!(f, "{bytes}"),
            Self::Uniform(low, high) => write!(f, "uniform {low}..{high}"),
            Self::Normal(mean, deviation) => write!(f, "normal {mean} {deviation}"),
            Self::Lognormal(median, sigma) => write!(f, "lognormal {median} {sigma}"),
        }
    }
}

impl TryFrom<String> for Sizes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Sizes> for String {
    fn from(sizes: Sizes) -> Self {
        sizes.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_return_and_nonsense_does_not() {
        for text in [
            "1024",
            "uniform 10..2000",
            "normal 1000 50",
            "lognormal 500 0.5",
        ] {
            assert_eq!(text.parse::<Sizes>().unwrap().to_string(), text);
        }
        assert_eq!("1KiB".parse(), Ok(Sizes::Fixed(1024)));
        for text in [
            "",
            "uniform 5..1",
            "uniform 5",
            "1GiB",
            "pareto 1 2",
            "lognormal 1 9",
        ] {
            assert!(text.parse::<Sizes>().is_err(), "{text}");
        }
    }

    #[test]
    fn samples_have_the_mean() {
        let mut random = fastrand::Rng::with_seed(1);
        for (text, expected) in [
            ("uniform 100..300", 200.0),
            ("normal 1000 100", 1000.0),
            // The median times e^(sigma²/2).
            ("lognormal 500 0.5", 566.6),
        ] {
            let sizes: Sizes = text.parse().unwrap();
            let total: usize = (0..20_000).map(|_| sizes.sample(&mut random)).sum();
            let mean = total as f64 / 20_000.0;
            assert!((mean / expected - 1.0).abs() < 0.02, "{text}: {mean}");
        }
    }
}
