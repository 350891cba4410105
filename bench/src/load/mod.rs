//! The load itself: producers and consumers, as tasks of a few threads.

mod accumulator;
mod batch;
pub(crate) mod consumer;
pub(crate) mod fetcher;
pub(crate) mod here;
mod idle;
pub(crate) mod ledger;
mod link;
pub(crate) mod plan;
mod pool;
pub(crate) mod position;
pub(crate) mod producer;
mod signal;
pub(crate) mod stamp;
mod transaction;
pub(crate) mod worker;

use protocol::records::{Compression, compress};

use crate::workload::Workload;

/// What the values of a workload are like.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Some are too short for a stamp.
    pub(crate) has_unstamped: bool,
    /// What zstd leaves of them, as a part.
    pub(crate) compressibility: f64,
    pub(crate) mean_bytes: f64,
}

pub(crate) fn sample(workload: &Workload) -> Sample {
    let pool = pool::Pool::new(workload);
    let plain = pool.sample();
    let mut packed = Vec::new();
    let compressed = compress(Compression::Zstd, None, &plain, &mut packed);
    let compressibility = match compressed {
        Ok(()) if !plain.is_empty() => packed.len() as f64 / plain.len() as f64,
        Ok(()) | Err(_) => 1.0,
    };
    Sample {
        has_unstamped: !pool.all_stamped(),
        compressibility,
        mean_bytes: pool.mean_bytes(),
    }
}
