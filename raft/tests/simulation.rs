//! The simulation over a bounded sample: fixed seeds and fresh ones. `MILLRACE_RAFT_SEEDS=0..10000` runs that range instead.

#![expect(
    clippy::print_stdout,
    reason = "seeds and traces are for whoever reads the test's output"
)]

#[path = "../simulation/mod.rs"]
mod simulation;

use std::hash::{BuildHasher, Hasher, RandomState};

use simulation::cluster::{Cluster, Report};
use simulation::plan::{Fault, Plan};
use simulation::shrink::shrink;

const SAMPLE: u64 = 300;

/// Runs one seed; a failure is shrunk and told with its trace.
fn run(seed: u64) -> Report {
    let plan = Plan::from_seed(seed);
    let report = Cluster::run(&plan, false);
    if let Some(violation) = &report.violation {
        let smaller = shrink(&plan, violation.name, 200);
        let traced = Cluster::run(&smaller, true);
        traced.trace.iter().for_each(|line| println!("{line}"));
        let (name, detail) = (violation.name, &violation.detail);
        panic!(
            "seed {seed}: {name}: {detail}; shrunk to {smaller:#?}: {:?}",
            traced.violation
        );
    }
    report
}

fn run_range(seeds: std::ops::Range<u64>) {
    let first = seeds.start;
    let (events, count) = seeds.fold((0, 0), |(events, count), seed| {
        (events + run(seed).events, count + 1)
    });
    println!("{count} seeds from {first}: {events} events, 0 violations");
}

#[test]
fn fixed_seeds_keep_every_invariant() {
    let range = std::env::var("MILLRACE_RAFT_SEEDS").unwrap_or_else(|_| format!("0..{SAMPLE}"));
    run_range(simulation::seeds::range_of(&range));
}

#[test]
fn fresh_seeds_keep_every_invariant() {
    let first = RandomState::new().build_hasher().finish() >> 16;
    println!("fresh seeds from {first}");
    run_range(first..first + SAMPLE / 3);
}

#[test]
fn seed_replays_exactly() {
    let plan = Plan::from_seed(7);
    let (first, second) = (Cluster::run(&plan, true), Cluster::run(&plan, true));
    assert!(first.events > 1_000);
    assert_eq!(first.trace, second.trace);
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
}

/// Clocks that jump under a lease are what the configuration forbids. That it shows proves that the checks can fail,
/// and gives the shrinking something to do.
#[test]
fn forbidden_clock_jumps_break_reads_and_are_shrunk() {
    let broken = |seed: u64| {
        let mut plan = Plan::from_seed(seed);
        (plan.lease, plan.voters, plan.spares, plan.clients) = (true, 3, 0, 4);
        let between = plan.end / 40;
        plan.faults = (0..40)
            .flat_map(|n| {
                let at = n * between;
                let jump = |server| {
                    (
                        at + 1_000,
                        Fault::ClockJump {
                            server,
                            by: 400_000,
                        },
                    )
                };
                let isolate = Fault::IsolateLeader {
                    lasts: 300_000,
                    outward_only: false,
                };
                [(at, isolate), jump(n % 3), jump((n + 1) % 3)]
            })
            .collect();
        let report = Cluster::run(&plan, false);
        let violation = report
            .violation
            .filter(|violation| violation.name == "linearizable")?;
        Some((plan, violation))
    };
    let (plan, violation) = (0..200)
        .find_map(broken)
        .expect("stale reads show within 200 seeds");
    let smaller = shrink(&plan, violation.name, 400);
    assert!(
        smaller.faults.len() <= 20,
        "{} faults left",
        smaller.faults.len()
    );
    assert!(Cluster::run(&smaller, false).violation.is_some());
}
