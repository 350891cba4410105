//! A network that drops, repeats, delays (and so reorders) and cuts, also in one direction only.

use super::random::Random;

/// How the network treats messages now. Probabilities are in permille, times in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    pub(crate) loss: u64,
    pub(crate) duplication: u64,
    pub(crate) delay: (u64, u64),
    /// Share of messages that take `long_delay`.
    pub(crate) straggling: u64,
    pub(crate) long_delay: (u64, u64),
}

impl Weather {
    pub(crate) fn calm() -> Self {
        Self {
            loss: 0,
            duplication: 0,
            delay: (100, 3_000),
            straggling: 0,
            long_delay: (0, 0),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) weather: Weather,
    /// (from, to, until): cut in this direction until then.
    cuts: Vec<(u64, u64, u64)>,
    random: Random,
}

impl Network {
    pub(crate) fn new(weather: Weather, random: Random) -> Self {
        Self {
            weather,
            cuts: Vec::new(),
            random,
        }
    }

    pub(crate) fn cut(&mut self, from: u64, to: u64, until: u64) {
        self.cuts.push((from, to, until));
    }

    pub(crate) fn heal(&mut self) {
        self.cuts.clear();
        self.weather = Weather::calm();
    }

    pub(crate) fn is_cut(&self, from: u64, to: u64, now: u64) -> bool {
        self.cuts
            .iter()
            .any(|cut| (cut.0, cut.1) == (from, to) && now < cut.2)
    }

    /// When the copies of a message that is sent now arrive: none, one or two.
    pub(crate) fn arrivals(&mut self, from: u64, to: u64, now: u64) -> Vec<u64> {
        let mut arrivals = Vec::new();
        if self.is_cut(from, to, now) || self.random.chance(self.weather.loss) {
            return arrivals;
        }
        let copies = 1 + u64::from(self.random.chance(self.weather.duplication));
        for _ in 0..copies {
            let straggles = self.random.chance(self.weather.straggling);
            let delay = if straggles {
                self.weather.long_delay
            } else {
                self.weather.delay
            };
            arrivals.push(now + self.random.between(delay));
        }
        arrivals
    }
}
