//! What a seed makes happen: the lives one after the other, and what the logs are like. Pure.

use storage::journal::JOURNAL_BYTES_MIN;
use storage::log::LogConfig;
use storage::log::retention::Retention;

use super::life::draw_stop;
use super::random::Random;
use super::weather::Weather;
use super::world::Stop;

#[derive(Clone, Debug)]
pub(crate) struct LifePlan {
    /// The life ends at this operation; none: when its clients are done.
    pub(crate) operations: Option<u64>,
    pub(crate) stop: Stop,
    /// The store is closed at the end.
    pub(crate) closes: bool,
    pub(crate) recovers_twice: bool,
    /// Nothing fails.
    pub(crate) calm: bool,
    pub(crate) shards: u32,
    pub(crate) clients: usize,
    /// Of each client.
    pub(crate) steps: u64,
    pub(crate) random: Random,
}

impl LifePlan {
    fn draw(random: &mut Random) -> Self {
        // Many lives end in their start, or soon after it.
        let longest = random.choose(&[60, 300, 1_000, 3_000]);
        let operations = random.between((1, longest));
        Self {
            operations: random.chance(750).then_some(operations),
            stop: draw_stop(random),
            closes: random.chance(500),
            recovers_twice: random.chance(200),
            calm: random.chance(100),
            shards: u32::try_from(random.between((1, 2))).unwrap(),
            clients: usize::try_from(random.between((1, 4))).unwrap(),
            steps: random.between((5, 60)),
            random: random.fork(),
        }
    }
}

/// A life that starts, checks everything and closes.
pub(crate) fn last_life(random: &mut Random) -> LifePlan {
    LifePlan {
        operations: None,
        closes: true,
        calm: true,
        clients: 0,
        ..LifePlan::draw(random)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) weather: Weather,
    pub(crate) lives: Vec<LifePlan>,
    /// One a log, with whether it is compacted.
    pub(crate) logs: Vec<(LogConfig, bool)>,
    pub(crate) journal_bytes: u64,
    pub(crate) tail_bytes_max: usize,
    pub(crate) random: Random,
}

impl Plan {
    pub(crate) fn from_seed(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let weather = Weather::draw(random);
        let lives = (0..random.between((2, 6))).map(|_| LifePlan::draw(random));
        let lives = lives.collect();
        let logs = (0..random.between((1, 4))).map(|_| draw_log(random));
        Self {
            weather,
            lives,
            logs: logs.collect(),
            journal_bytes: JOURNAL_BYTES_MIN + random.between((0, 64)) * 4096,
            tail_bytes_max: random.choose(&[64 << 10, 256 << 10, 4 << 20]),
            random: random.fork(),
        }
    }
}

fn draw_log(random: &mut Random) -> (LogConfig, bool) {
    let compacted = random.chance(250);
    let retention = Retention {
        ms: random.chance(200).then_some(2_000),
        bytes: random
            .chance(400)
            .then_some(random.between((1 << 14, 1 << 18))),
    };
    let config = LogConfig {
        segment_bytes: random.between((4 << 10, 128 << 10)),
        index_interval_bytes: random.choose(&[256, 1_024, 4_096]),
        retention: if compacted {
            Retention::default()
        } else {
            retention
        },
        file_delete_delay_ms: random.choose(&[0, 100, 2_000]),
        ..LogConfig::default()
    };
    (config, compacted)
}
