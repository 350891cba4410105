//! When records are due: the intended starts of an open load, made before anything is sent and
//! never changed by what the broker does. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::units;

const NANOS: f64 = 1e9;

/// How the gaps between records are made, or that there is no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Arrivals {
    /// Even gaps.
    #[default]
    Fixed,
    /// Independent of each other: exponential gaps.
    Poisson,
    /// No schedule: what is answered makes room for more.
    Closed,
}

impl FromStr for Arrivals {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "fixed" => Ok(Self::Fixed),
            "poisson" => Ok(Self::Poisson),
            "closed" => Ok(Self::Closed),
            _ => Err(format!("'{text}' is not fixed, poisson or closed")),
        }
    }
}

/// How the rate changes over the run, as factors of the load's rate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Profile {
    #[default]
    Constant,
    /// From one factor to another, over the whole run.
    Ramp(f64, f64),
    /// Factors, each for an equal part of the run.
    Steps(Vec<f64>),
    /// Amplitude (below 1) and period in seconds.
    Sine(f64, f64),
}

impl Profile {
    /// The factor at a time of a run that takes `whole` seconds.
    fn factor(&self, seconds: f64, whole: f64) -> f64 {
        let part = (seconds / whole.max(1e-9)).clamp(0.0, 1.0);
        match self {
            Self::Constant => 1.0,
            Self::Ramp(from, to) => from + (to - from) * part,
            Self::Steps(steps) => {
                let place = units::to_whole(part * steps.len() as f64);
                let place = usize::try_from(place).unwrap_or(0).min(steps.len() - 1);
                steps[place]
            }
            Self::Sine(amplitude, period) => {
                1.0 + amplitude * (std::f64::consts::TAU * seconds / period).sin()
            }
        }
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let factor = |text: &str| match units::quantity(text) {
            Ok(factor) if factor > 0.0 => Ok(factor),
            Ok(_) | Err(_) => Err(format!("'{text}' is no factor above 0")),
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["constant"] => Ok(Self::Constant),
            ["ramp", range] => {
                let (from, to) = range.split_once("..").ok_or("ramp FROM..TO")?;
                Ok(Self::Ramp(factor(from)?, factor(to)?))
            }
            ["steps", steps] => {
                let steps: Result<Vec<f64>, String> = steps.split(',').map(factor).collect();
                Ok(Self::Steps(steps?))
            }
            ["sine", amplitude, period] => {
                let (amplitude, period) = (factor(amplitude)?, factor(period)?);
                if amplitude >= 1.0 {
                    return Err("the amplitude of a sine is below 1".to_owned());
                }
                Ok(Self::Sine(amplitude, period))
            }
            _ => Err(format!(
                "'{text}' is no profile: constant, 'ramp FROM..TO', 'steps A,B,C' or \
                 'sine AMPLITUDE SECONDS', in factors of the rate"
            )),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => write!(f, "constant"),
            Self::Ramp(from, to) => write!(f, "ramp {from}..{to}"),
            Self::Steps(steps) => {
                let steps: Vec<String> = steps.iter().map(f64::to_string).collect();
                write!(f, "steps {}", steps.join(","))
            }
            Self::Sine(amplitude, period) => write!(f, "sine {amplitude} {period}"),
        }
    }
}

impl TryFrom<String> for Profile {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Profile> for String {
    fn from(profile: Profile) -> Self {
        profile.to_string()
    }
}

/// One producer's part of the load's schedule.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) poisson: bool,
    pub(crate) profile: Profile,
    /// Records a second, of this producer.
    pub(crate) rate: f64,
    /// Seconds that the whole run takes.
    pub(crate) whole: f64,
    /// Where in the first gap this producer begins, so that the producers alternate: 0 to 1.
    pub(crate) phase: f64,
    pub(crate) seed: u64,
}

/// The intended starts, one after another, in nanoseconds from the begin of the run.
#[derive(Debug)]
pub(crate) struct Schedule {
    plan: Plan,
    random: fastrand::Rng,
    next: f64,
}

impl Schedule {
    pub(crate) fn new(plan: Plan) -> Self {
        let random = fastrand::Rng::with_seed(plan.seed);
        let mut schedule = Self {
            random,
            next: 0.0,
            plan,
        };
        schedule.next = schedule.gap() * schedule.plan.phase;
        schedule
    }

    /// When the next record is due.
    pub(crate) fn peek(&self) -> u64 {
        units::to_whole(self.next * NANOS)
    }

    /// The record that was due is made.
    pub(crate) fn advance(&mut self) {
        self.next += self.gap();
    }

    fn gap(&mut self) -> f64 {
        let factor = self.plan.profile.factor(self.next, self.plan.whole);
        let mean = 1.0 / (self.plan.rate * factor);
        if self.plan.poisson {
            return -(1.0 - self.random.f64()).ln() * mean;
        }
        mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(plan: &Plan, seconds: std::ops::Range<f64>) -> usize {
        let mut schedule = Schedule::new(plan.clone());
        let mut count = 0;
        while (schedule.peek() as f64) < seconds.end * NANOS {
            count += usize::from(schedule.peek() as f64 >= seconds.start * NANOS);
            schedule.advance();
        }
        count
    }

    fn plan(profile: &str) -> Plan {
        Plan {
            poisson: false,
            profile: profile.parse().unwrap(),
            rate: 1000.0,
            whole: 10.0,
            phase: 0.5,
            seed: 3,
        }
    }

    #[test]
    fn a_fixed_rate_is_met_without_drift() {
        assert_eq!(count(&plan("constant"), 0.0..10.0), 10_000);
        assert_eq!(count(&plan("constant"), 9.0..10.0), 1000);
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_differ() {
        let poisson = Plan {
            poisson: true,
            ..plan("constant")
        };
        let total = count(&poisson, 0.0..10.0);
        assert!((9_700..10_300).contains(&total), "{total}");
        assert_eq!(count(&poisson, 0.0..10.0), total, "the seed decides");
    }

    #[test]
    fn profiles_change_the_rate() {
        let ramp = plan("ramp 0.5..1.5");
        let (first, last) = (count(&ramp, 0.0..1.0), count(&ramp, 9.0..10.0));
        assert!((540..=560).contains(&first) && (1440..=1460).contains(&last));
        let steps = plan("steps 1,3");
        assert_eq!(count(&steps, 1.0..2.0) * 3, count(&steps, 6.0..7.0));
        let sine = plan("sine 0.5 10");
        assert!(count(&sine, 0.0..5.0) > 2 * count(&sine, 5.0..10.0) - 1000);
    }

    #[test]
    fn texts_return_and_nonsense_does_not() {
        for text in ["constant", "ramp 0.5..2", "steps 1,2,3", "sine 0.5 10"] {
            assert_eq!(text.parse::<Profile>().unwrap().to_string(), text);
        }
        for text in ["", "ramp 1", "steps 0", "sine 1 1", "square"] {
            assert!(text.parse::<Profile>().is_err(), "{text}");
        }
    }
}
