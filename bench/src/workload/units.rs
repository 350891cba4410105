//! Numbers with units, as people write them: counts, bytes, times and rates. Pure.
//! MB are 10^6 bytes and MiB are 2^20.

use std::time::Duration;

const SUFFIXES: [(&str, f64); 10] = [
    ("kib", 1024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("kb", 1e3),
    ("mb", 1e6),
    ("gb", 1e9),
    ("k", 1e3),
    ("m", 1e6),
    ("g", 1e9),
    ("b", 1.0),
];

/// A rate of the whole load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rate {
    Records(f64),
    Bytes(f64),
}

impl Rate {
    /// Records a second, of records of this mean size.
    pub(crate) fn records(self, record_bytes: f64) -> f64 {
        match self {
            Self::Records(records) => records,
            Self::Bytes(bytes) => bytes / record_bytes.max(1.0),
        }
    }
}

/// `200k/s`, `200000`, `500MB/s`.
pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    let amount = text.strip_suffix("/s").unwrap_or(text);
    let number = quantity(amount)?;
    if number <= 0.0 {
        return Err(format!("'{text}' is no rate: it must be above 0"));
    }
    let unit = amount.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '_');
    let unit = unit.trim().to_ascii_lowercase();
    Ok(if unit.ends_with('b') {
        Rate::Bytes(number)
    } else {
        Rate::Records(number)
    })
}

/// `100`, `16KiB`, `1M`.
pub(crate) fn whole(text: &str) -> Result<u64, String> {
    let number = quantity(text)?;
    if number > 9e15 {
        return Err(format!("'{text}' is too large"));
    }
    Ok(to_whole(number))
}

/// `1.5k` and the like; not negative.
pub(crate) fn quantity(text: &str) -> Result<f64, String> {
    let wrong = || format!("'{text}' is no number such as 1000, 200k or 16KiB");
    let lower = text.trim().to_ascii_lowercase().replace('_', "");
    let mut suffixes = SUFFIXES.iter();
    let found = suffixes.find_map(|(suffix, factor)| {
        let number = lower.strip_suffix(suffix)?;
        Some((number.trim_end().to_owned(), *factor))
    });
    let (number, factor) = found.unwrap_or((lower, 1.0));
    let number: f64 = number.parse().map_err(|_| wrong())?;
    if !number.is_finite() || number < 0.0 {
        return Err(wrong());
    }
    Ok(number * factor)
}

/// `20s`, `500ms`, `2m`, `1h`, or seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no time such as 500ms, 20s, 2m or 1h");
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(unit_at.unwrap_or(text.len()));
    let factor = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| wrong())
}

/// The whole part of a number that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "that is what it is for, and the cast saturates"
)]
pub(crate) fn to_whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (text, expected) in [
            ("100", 100),
            ("16KiB", 16_384),
            ("1MB", 1_000_000),
            ("1.5k", 1500),
            ("2 GiB", 2 << 30),
            ("1_000", 1000),
            ("7b", 7),
        ] {
            assert_eq!(whole(text), Ok(expected), "{text}");
        }
        for text in ["", "k", "-1", "nan", "1x", "1e40"] {
            assert!(whole(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_of_records_or_of_bytes() {
        assert_eq!(rate("200k/s"), Ok(Rate::Records(200_000.0)));
        assert_eq!(rate("50000"), Ok(Rate::Records(50_000.0)));
        assert_eq!(rate("500MB/s"), Ok(Rate::Bytes(5e8)));
        assert_eq!(Rate::Bytes(5e8).records(1000.0), 500_000.0);
        assert!(rate("0").is_err() && rate("fast").is_err());
    }

    #[test]
    fn times_have_units() {
        for (text, millis) in [
            ("500ms", 500),
            ("20s", 20_000),
            ("2m", 120_000),
            ("3", 3000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "-1s", "1d", "s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
