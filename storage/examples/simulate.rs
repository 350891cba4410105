//! Runs the simulation of the storage engine over a range of seeds: `simulate --seeds 0..10000`.
//! Prints what was done and every broken invariant; with `--log` also what the engine logs.

#![expect(clippy::print_stdout, reason = "a command-line program")]

#[path = "../simulation/mod.rs"]
mod simulation;

use simulation::{Counts, seeds};
use storage::extent::{ExtentPool, PoolOptions};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == "--seeds");
    let seeds = at.and_then(|at| arguments.get(at + 1).cloned());
    let seeds = seeds.unwrap_or_else(|| "0..1000".into());
    let seeds = seeds::range_of(&seeds);

    if arguments.iter().any(|argument| argument == "--log") {
        let level = tracing::Level::DEBUG;
        let log = tracing_subscriber::fmt().without_time().with_ansi(false);
        log.with_max_level(level).init();
    }
    simulation::name_seeds_of_panics();
    let pool = ExtentPool::new(PoolOptions {
        idle_bytes_max: 64 << 20,
    });
    let (mut counts, mut violations, mut digest) = (Counts::default(), 0_u64, 0_u64);
    for seed in seeds.clone() {
        let report = simulation::run_seed(seed, &pool);
        if let Some(violation) = &report.violation {
            violations += 1;
            let (name, detail) = (violation.name, &violation.detail);
            println!("seed {seed} ({:?}): {name} broken: {detail}", report.class);
        }
        counts += report.counts;
        digest = digest.rotate_left(1) ^ report.digest;
    }
    println!(
        "{} seeds, {violations} violations: {counts}; digest {digest:016x}",
        seeds.end - seeds.start
    );
    if violations > 0 {
        std::process::exit(1);
    }
}
