//! What the table says about one setting, and the rules for a single value. Pure.
//!
//! A value is text until [`Setting::check`] has passed; the typed readers in `values` rely on it.

use std::fmt;

/// A configuration type of the protocol; the numbers are those of `DescribeConfigs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

impl Kind {
    /// The number that `DescribeConfigs` answers carry.
    pub(crate) fn wire_code(self) -> i8 {
        self as i8
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::String => "string",
            Self::Int => "int",
            Self::Short => "short",
            Self::Long => "long",
            Self::Double => "double",
            Self::List => "list",
            Self::Class => "class",
            Self::Password => "password",
        }
    }
}

/// The values that a setting takes, beyond its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Range {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    /// The number is within the first and second bound, or is exactly the third.
    BetweenOr(i64, i64, i64),
    Ratio(f64, f64),
    NotEmpty,
    /// The text is one of these; case matters, as in Kafka.
    OneOf(&'static [&'static str]),
    /// Every element of the list is one of these.
    ListOf(&'static [&'static str]),
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::Between(least, most) => write!(f, "{least} to {most}"),
            Self::BetweenOr(least, most, other) => write!(f, "{least} to {most}, or {other}"),
            Self::Ratio(least, most) => write!(f, "{least} to {most}"),
            Self::NotEmpty => f.write_str("not empty"),
            Self::OneOf(values) => write!(f, "one of {}", values.join(", ")),
            Self::ListOf(values) => write!(f, "any of {}", values.join(", ")),
        }
    }
}

/// Whether and where a running broker may be given another value, as Kafka classes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    ReadOnly,
    PerBroker,
    ClusterWide,
}

impl Update {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::PerBroker => "per-broker",
            Self::ClusterWide => "cluster-wide",
        }
    }
}

/// What Millrace does with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Takes effect as Kafka's documentation says.
    Honoured,
    /// Takes effect in another way, which the text names.
    Mapped(&'static str),
    /// Accepted and kept, but the feature that the text names is not in this version yet.
    Later(&'static str),
    /// Accepted and without effect, for the reason given.
    Ignored(&'static str),
    /// Any value but the default stops the start, for the reason given.
    Refused(&'static str),
}

impl Treatment {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Honoured => "honoured",
            Self::Mapped(_) => "mapped",
            Self::Later(_) => "later",
            Self::Ignored(_) => "ignored",
            Self::Refused(_) => "refused",
        }
    }

    pub(crate) fn reason(self) -> Option<&'static str> {
        match self {
            Self::Honoured => None,
            Self::Mapped(reason)
            | Self::Later(reason)
            | Self::Ignored(reason)
            | Self::Refused(reason) => Some(reason),
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// None is Kafka's `null`: no value unless one is given.
    pub(crate) default: Option<&'static str>,
    pub(crate) range: Range,
    pub(crate) update: Update,
    pub(crate) treatment: Treatment,
    pub(crate) doc: &'static str,
}

impl Setting {
    pub(crate) fn is_sensitive(&self) -> bool {
        self.kind == Kind::Password
    }

    pub(crate) fn is_dynamic(&self) -> bool {
        self.update != Update::ReadOnly
    }

    /// Our own settings take units (`64MiB`, `10s`); Kafka's keep plain numbers only.
    pub(crate) fn takes_units(&self) -> bool {
        self.name.starts_with("millrace.")
    }

    /// Checks type and range.
    ///
    /// # Errors
    /// What is wrong with the value, and what would be right.
    pub(crate) fn check(&self, text: &str) -> Result<(), String> {
        let text = text.trim();
        match self.kind {
            Kind::Bool => {
                if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
                    Ok(())
                } else {
                    Err("expected true or false".to_owned())
                }
            }
            Kind::Short => self.check_integer(text, i64::from(i16::MIN), i64::from(i16::MAX)),
            Kind::Int => self.check_integer(text, i64::from(i32::MIN), i64::from(i32::MAX)),
            Kind::Long => self.check_integer(text, i64::MIN, i64::MAX),
            Kind::Double => self.check_double(text),
            Kind::List => self.check_list(text),
            Kind::String | Kind::Class | Kind::Password => self.check_text(text),
        }
    }

    fn check_integer(&self, text: &str, least: i64, most: i64) -> Result<(), String> {
        let Some(number) = parse_integer(self, text) else {
            let hint = number_with_unit(self.name, text)
                .map(|number| format!("; write {number}"))
                .unwrap_or_default();
            return Err(format!("expected {}{hint}", self.expectation()));
        };
        let within = match self.range {
            Range::AtLeast(least) => number >= least,
            Range::Between(least, most) => (least..=most).contains(&number),
            Range::BetweenOr(least, most, other) => {
                (least..=most).contains(&number) || number == other
            }
            Range::Any
            | Range::Ratio(..)
            | Range::NotEmpty
            | Range::OneOf(_)
            | Range::ListOf(_) => true,
        };
        if within && (least..=most).contains(&number) {
            Ok(())
        } else {
            Err(format!("out of range, expected {}", self.expectation()))
        }
    }

    fn check_double(&self, text: &str) -> Result<(), String> {
        let Some(number) = text.parse::<f64>().ok().filter(|number| !number.is_nan()) else {
            return Err(format!("expected {}", self.expectation()));
        };
        match self.range {
            Range::Ratio(least, most) if number < least || number > most => {
                Err(format!("out of range, expected {}", self.expectation()))
            }
            Range::Any
            | Range::AtLeast(_)
            | Range::Between(..)
            | Range::BetweenOr(..)
            | Range::Ratio(..)
            | Range::NotEmpty
            | Range::OneOf(_)
            | Range::ListOf(_) => Ok(()),
        }
    }

    fn check_list(&self, text: &str) -> Result<(), String> {
        if self.range == Range::NotEmpty && text.is_empty() {
            return Err("expected a list that is not empty".to_owned());
        }
        if let Range::ListOf(allowed) = self.range
            && let Some(stranger) = list_elements(text).find(|element| !allowed.contains(element))
        {
            return Err(format!("{stranger:?} is not {}", self.range));
        }
        Ok(())
    }

    fn check_text(&self, text: &str) -> Result<(), String> {
        match self.range {
            Range::OneOf(allowed) if !allowed.contains(&text) => {
                Err(format!("expected {}", self.range))
            }
            Range::NotEmpty if text.is_empty() => Err("must not be empty".to_owned()),
            Range::Any
            | Range::AtLeast(_)
            | Range::Between(..)
            | Range::BetweenOr(..)
            | Range::Ratio(..)
            | Range::NotEmpty
            | Range::OneOf(_)
            | Range::ListOf(_) => Ok(()),
        }
    }

    /// "int, at least 1": type and range in one phrase.
    pub(crate) fn expectation(&self) -> String {
        let range = self.range.to_string();
        if range.is_empty() {
            self.kind.name().to_owned()
        } else {
            format!("{}, {range}", self.kind.name())
        }
    }
}

/// The elements of a list value: comma separated, trimmed, empty ones left out.
pub(crate) fn list_elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
}

/// The integer of a value, with a unit where the setting takes units.
pub(crate) fn parse_integer(setting: &Setting, text: &str) -> Option<i64> {
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(number) => Some(number),
        Err(_) if setting.takes_units() => number_with_unit(setting.name, text),
        Err(_) => None,
    }
}

/// `64MiB` or `7d` as the number that a setting of this name counts in; the name says the unit.
fn number_with_unit(name: &str, text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: i64 = number.parse().ok()?;
    let unit = unit.trim();
    let last = name.rsplit('.').next()?;
    let (numerator, denominator) = match last {
        "ms" => (duration_unit_ms(unit)?, 1),
        "seconds" => (duration_unit_ms(unit)?, 1000),
        "minutes" => (duration_unit_ms(unit)?, 60_000),
        "hours" => (duration_unit_ms(unit)?, 3_600_000),
        _ if name.contains("bytes") || name.contains("buffer") => (size_unit(unit)?, 1),
        _ => return None,
    };
    let product = number.checked_mul(numerator)?;
    (product % denominator == 0).then(|| product / denominator)
}

fn duration_unit_ms(unit: &str) -> Option<i64> {
    match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    }
}

fn size_unit(unit: &str) -> Option<i64> {
    match unit.to_ascii_lowercase().as_str() {
        "b" => Some(1),
        "k" | "kb" | "kib" => Some(1 << 10),
        "m" | "mb" | "mib" => Some(1 << 20),
        "g" | "gb" | "gib" => Some(1 << 30),
        "t" | "tb" | "tib" => Some(1 << 40),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &'static str, kind: Kind, range: Range) -> Setting {
        let (update, treatment) = (Update::ReadOnly, Treatment::Honoured);
        Setting {
            name,
            kind,
            default: None,
            range,
            update,
            treatment,
            doc: "",
        }
    }

    #[test]
    fn a_value_with_a_unit_is_refused_with_the_plain_number_to_write() {
        let hours = setting("log.retention.hours", Kind::Int, Range::Any);
        assert_eq!(hours.check("7d"), Err("expected int; write 168".to_owned()));
        let bytes = setting("log.segment.bytes", Kind::Int, Range::AtLeast(1 << 20));
        let refusal = bytes.check("64MiB").unwrap_err();
        assert_eq!(refusal, "expected int, at least 1048576; write 67108864");
    }

    #[test]
    fn our_own_settings_take_units() {
        let tail = setting("millrace.tail.bytes", Kind::Long, Range::AtLeast(1));
        assert_eq!(tail.check("64MiB"), Ok(()));
        assert_eq!(parse_integer(&tail, "64MiB"), Some(64 << 20));
        assert_eq!(parse_integer(&tail, "9223372036854775807TiB"), None);
        assert!(tail.check("64 parsecs").is_err());
    }

    #[test]
    fn an_out_of_range_number_is_refused_with_the_range() {
        let level = setting(
            "compression.gzip.level",
            Kind::Int,
            Range::BetweenOr(1, 9, -1),
        );
        assert_eq!(level.check("-1"), Ok(()));
        assert_eq!(level.check("9"), Ok(()));
        let refusal = level.check("0").unwrap_err();
        assert_eq!(refusal, "out of range, expected int, 1 to 9, or -1");
        let int = setting("x", Kind::Int, Range::Any);
        assert!(int.check("2147483648").is_err(), "does not fit an int");
        let ratio = setting("x", Kind::Double, Range::Ratio(0.0, 1.0));
        assert!(ratio.check("1.5").is_err() && ratio.check("NaN").is_err());
        assert!(ratio.check("0.5").is_ok());
    }

    #[test]
    fn enumerations_and_lists_name_what_they_accept() {
        let policy = setting("x", Kind::List, Range::ListOf(&["compact", "delete"]));
        assert_eq!(policy.check("compact, delete"), Ok(()));
        let refusal = policy.check("delete,shred").unwrap_err();
        assert_eq!(refusal, "\"shred\" is not any of compact, delete");
        let one = setting("x", Kind::String, Range::OneOf(&["a", "b"]));
        assert_eq!(one.check("c"), Err("expected one of a, b".to_owned()));
        let flag = setting("x", Kind::Bool, Range::Any);
        assert!(flag.check("TRUE").is_ok() && flag.check("yes").is_err());
    }
}
