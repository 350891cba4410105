//! Makes a failing plan smaller while it still breaks the same invariant.

use super::cluster::Cluster;
use super::network::Weather;
use super::plan::Plan;

/// Whether the plan breaks this invariant.
fn breaks(plan: &Plan, name: &str) -> bool {
    Cluster::run(plan, false)
        .violation
        .is_some_and(|violation| violation.name == name)
}

/// Removes faults in ever smaller pieces, then calms what can be calmed. At most `runs_max` runs.
pub(crate) fn shrink(plan: &Plan, name: &str, runs_max: usize) -> Plan {
    let mut best = plan.clone();
    let mut runs = 0;
    let mut attempt = |candidate: Plan, best: &mut Plan| {
        runs += 1;
        let smaller = runs <= runs_max && breaks(&candidate, name);
        if smaller {
            *best = candidate;
        }
        smaller
    };
    let calmer: [fn(&mut Plan); 5] = [
        |plan| plan.weather = Weather::calm(),
        |plan| plan.disk_latency = (50, 51),
        |plan| plan.apply_latency = (0, 0),
        |plan| plan.clients = 1,
        |plan| plan.drift_ppm = 0,
    ];
    for calm in calmer {
        let mut candidate = best.clone();
        calm(&mut candidate);
        attempt(candidate, &mut best);
    }
    let mut piece = best.faults.len().div_ceil(2);
    while piece > 0 {
        let (mut at, before) = (0, best.faults.len());
        while at < best.faults.len() {
            let mut candidate = best.clone();
            let end = (at + piece).min(candidate.faults.len());
            candidate.faults.drain(at..end);
            if !attempt(candidate, &mut best) {
                at += piece;
            }
        }
        let settled = piece == 1 && best.faults.len() == before;
        piece = if settled { 0 } else { piece.div_ceil(2) };
    }
    best
}
