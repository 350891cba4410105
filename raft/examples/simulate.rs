//! Runs the simulation over a range of seeds: `simulate --seeds 0..10000 [--trace]`. Prints seeds, events and violations.

#![expect(clippy::print_stdout, reason = "a command-line program")]

#[path = "../simulation/mod.rs"]
mod simulation;

use simulation::cluster::{Cluster, ELECTION_TIMEOUT_MAX};
use simulation::plan::Plan;
use simulation::seeds;
use simulation::shrink::shrink;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let seeds = after("--seeds").unwrap_or_else(|| "0..1000".into());
    let traced = arguments.iter().any(|argument| argument == "--trace");
    let seeds = seeds::range_of(&seeds);

    let mut sums = [0_u64; 7];
    let (mut violations, mut slowest) = (0_u64, 0);
    for seed in seeds.clone() {
        let plan = Plan::from_seed(seed);
        let report = Cluster::run(&plan, false);
        let counts = [
            report.events,
            report.committed,
            report.elections,
            report.crashes,
            report.snapshots_installed,
            report.operations,
            report.membership_changes,
        ];
        sums.iter_mut()
            .zip(counts)
            .for_each(|(sum, count)| *sum += count);
        slowest = slowest.max(report.leader_after);
        if let Some(violation) = &report.violation {
            violations += 1;
            println!(
                "seed {seed}: {} broken: {}",
                violation.name, violation.detail
            );
            if traced {
                let smaller = shrink(&plan, violation.name, 300);
                let report = Cluster::run(&smaller, true);
                report.trace.iter().for_each(|line| println!("{line}"));
                println!("{smaller:#?}");
                println!("{:?}", report.violation);
            }
        }
    }
    let [
        events,
        committed,
        elections,
        crashes,
        snapshots,
        operations,
        memberships,
    ] = sums;
    println!(
        "seeds {seeds:?}: {} seeds, {events} events, {violations} violations",
        seeds.end - seeds.start
    );
    println!("{committed} entries and {operations} operations, {memberships} membership changes");
    println!("{elections} elections, {crashes} crashes, {snapshots} snapshots installed");
    println!(
        "slowest leader after the faults: {:.2} election timeouts of {} ms",
        slowest as f64 / ELECTION_TIMEOUT_MAX as f64,
        ELECTION_TIMEOUT_MAX / 1000
    );
    assert_eq!(violations, 0, "invariants are broken");
}
