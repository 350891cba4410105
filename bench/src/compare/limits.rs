//! What a comparison must not show: changes that are a failure. Pure.

use std::str::FromStr;

use super::Comparison;
use super::figures::FIGURES;

#[derive(Debug, Clone, PartialEq)]
struct Limit {
    figure: &'static str,
    /// Changes above this part are wrong, or below it.
    above: bool,
    part: f64,
}

/// `throughput<-3%,p99>+10%`
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Limits(Vec<Limit>);

impl FromStr for Limits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let limits = text.split(',').map(|text| {
            let wrong = || format!("'{text}' is no limit such as throughput<-3% or p99>+10%");
            let place = text.find(['<', '>']).ok_or_else(wrong)?;
            let (name, value) = (text[..place].trim(), &text[place + 1..]);
            let figure = FIGURES.iter().find(|figure| figure.name == name);
            let figure = figure.ok_or_else(|| {
                let names: Vec<&str> = FIGURES.iter().map(|figure| figure.name).collect();
                format!("'{name}' is none of {}", names.join(", "))
            })?;
            let percent = value.trim().trim_end_matches('%').trim_start_matches('+');
            let percent: f64 = percent.parse().map_err(|_| wrong())?;
            Ok(Limit {
                figure: figure.name,
                above: text[place..].starts_with('>'),
                part: percent / 100.0,
            })
        });
        Ok(Self(limits.collect::<Result<_, String>>()?))
    }
}

impl Limits {
    /// The limits that some side breaks.
    pub(crate) fn broken(&self, comparison: &Comparison) -> Vec<String> {
        let mut broken = Vec::new();
        for limit in &self.0 {
            let rows = comparison.rows.iter();
            for row in rows.filter(|row| row.figure.name == limit.figure) {
                let Some(Some(first)) = row.samples.first() else {
                    continue;
                };
                for (side, sample) in comparison.sides.iter().zip(&row.samples).skip(1) {
                    let change = sample.as_ref().and_then(|own| own.change_from(first));
                    let is_wrong = |part: f64| {
                        if limit.above {
                            part > limit.part
                        } else {
                            part < limit.part
                        }
                    };
                    if let Some(change) = change.filter(|change| is_wrong(change.part)) {
                        broken.push(format!(
                            "{}: {} changed by {:+.1} %",
                            side.name,
                            limit.figure,
                            change.part * 100.0
                        ));
                    }
                }
            }
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let limits: Limits = "throughput<-3%,p99>+10%".parse().unwrap();
        assert_eq!(limits.0.len(), 2);
        assert!(!limits.0[0].above && (limits.0[0].part + 0.03).abs() < 1e-9);
        assert!(limits.0[1].above && (limits.0[1].part - 0.1).abs() < 1e-9);
        for text in ["", "speed<1%", "p99=1%", "p99>lots"] {
            assert!(text.parse::<Limits>().is_err(), "{text}");
        }
    }
}
