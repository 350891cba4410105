//! The same scripts on this crate and on raft-rs: after each step both clusters have the same leader and have committed the
//! same data on every node.
//!
//! Compared is what Raft determines. Terms, messages and timing are not: the two retry elections at different times.

#![expect(clippy::unwrap_used, reason = "what cannot go on is a failed test")]

#[path = "oracle/ours.rs"]
mod ours;
#[path = "oracle/theirs.rs"]
mod theirs;

use std::collections::BTreeSet;

use proptest::prelude::*;

/// What both clusters can do. Nodes are 1, 2, 3 ...
pub(crate) trait Cluster {
    fn new(nodes: u64) -> Self;
    /// Time goes on for 25 ticks of 100 ms; of the followers only `patient` has an election timeout within it.
    fn elapse(&mut self, patient: u64, cut: &BTreeSet<u64>);
    /// Whoever leads gets a proposal.
    fn propose(&mut self, to: u64, data: &[u8], cut: &BTreeSet<u64>);
    fn transfer(&mut self, from: u64, to: u64, cut: &BTreeSet<u64>);
    /// Memory is lost.
    fn restart(&mut self, node: u64, cut: &BTreeSet<u64>);
    /// The leader of the latest term, if it is known to lead.
    fn leader(&self) -> Option<u64>;
    fn committed(&self, node: u64) -> Vec<Vec<u8>>;
}

#[derive(Clone, Debug)]
enum Step {
    Elapse(u64),
    Propose(u8),
    /// A proposal to a node whether it leads or not.
    ProposeTo(u64, u8),
    Transfer(u64),
    Cut(u64),
    Heal,
    Restart(u64),
}

fn run(nodes: u64, steps: &[Step]) -> (usize, usize) {
    let mut ours = ours::Ours::new(nodes);
    let mut theirs = theirs::Theirs::new(nodes);
    let mut cut = BTreeSet::new();
    let mut elections = 0;
    // how soon a target that may have missed something is found out is timing
    let mut all_in_step = false;
    for (at, step) in steps.iter().enumerate() {
        let leader = ours.leader();
        let node = |id: u64| id % nodes + 1;
        match *step {
            Step::Elapse(id) => {
                ours.elapse(node(id), &cut);
                theirs.elapse(node(id), &cut);
            }
            Step::Propose(data) => {
                if let Some(leader) = leader {
                    ours.propose(leader, &[data, 1], &cut);
                    theirs.propose(leader, &[data, 1], &cut);
                }
            }
            Step::ProposeTo(id, data) => {
                if leader == Some(node(id)) {
                    ours.propose(node(id), &[data, 2], &cut);
                    theirs.propose(node(id), &[data, 2], &cut);
                }
            }
            Step::Transfer(to) => {
                let reachable = all_in_step && !cut.contains(&node(to));
                let from = leader.filter(|id| reachable && *id != node(to) && !cut.contains(id));
                if let Some(leader) = from {
                    ours.transfer(leader, node(to), &cut);
                    theirs.transfer(leader, node(to), &cut);
                }
            }
            Step::Cut(id) => {
                cut = BTreeSet::from([node(id)]);
            }
            Step::Heal => cut.clear(),
            Step::Restart(id) => {
                ours.restart(node(id), &cut);
                theirs.restart(node(id), &cut);
            }
        }
        all_in_step = match step {
            Step::Elapse(_) => true,
            Step::Propose(_) | Step::ProposeTo(..) | Step::Transfer(_) => all_in_step,
            Step::Cut(_) | Step::Heal | Step::Restart(_) => false,
        };
        elections += usize::from(ours.leader().is_some() && ours.leader() != leader);
        compare(&ours, &theirs, &cut, &format!("after step {at}: {step:?}"));
    }
    (
        elections,
        (1..=nodes)
            .map(|id| ours.committed(id).len())
            .max()
            .unwrap(),
    )
}

fn compare(ours: &ours::Ours, theirs: &theirs::Theirs, cut: &BTreeSet<u64>, when: &str) {
    assert_eq!(ours.leader(), theirs.leader(), "the leader {when}");
    for id in ours.ids() {
        let (own, their) = (ours.committed(id), theirs.committed(id));
        let told = |leader: u64| !cut.contains(&leader) && !cut.contains(&id);
        // raft-rs tells the commit in vote requests too, so without a leader it may know more
        let agree = if ours.leader().is_some_and(told) {
            own == their
        } else {
            own.starts_with(&their) || their.starts_with(&own)
        };
        assert!(
            agree,
            "what {id} has committed {when}: {own:?}, raft-rs {their:?}"
        );
    }
}

#[test]
fn isolated_leader_loses_what_it_could_not_commit() {
    use Step::{Cut, Elapse, Heal, Propose, ProposeTo};
    let steps = [
        Elapse(0),
        Propose(1),
        Cut(0),
        ProposeTo(0, 2),
        Elapse(1),
        Propose(3),
        Heal,
        Elapse(1),
        Propose(4),
    ];
    assert_eq!(run(3, &steps), (2, 3));
}

#[test]
fn node_with_a_shorter_log_is_not_elected() {
    use Step::{Cut, Elapse, Heal, Propose};
    let steps = [
        Elapse(0),
        Cut(2),
        Propose(1),
        Heal,
        Cut(0),
        Elapse(2),
        Elapse(1),
        Heal,
        Elapse(1),
    ];
    run(3, &steps);
}

#[test]
fn leadership_moves_where_it_is_sent() {
    use Step::{Elapse, Propose, Restart, Transfer};
    let steps = [
        Elapse(0),
        Propose(1),
        Transfer(2),
        Propose(2),
        Restart(2),
        Elapse(1),
        Propose(3),
    ];
    assert_eq!(run(5, &steps), (3, 3));
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u64..5).prop_map(Step::Elapse),
        4 => any::<u8>().prop_map(Step::Propose),
        1 => (0_u64..5, any::<u8>()).prop_map(|(id, data)| Step::ProposeTo(id, data)),
        1 => (0_u64..5).prop_map(Step::Transfer),
        1 => (0_u64..5).prop_map(Step::Cut),
        1 => Just(Step::Heal),
        1 => (0_u64..5).prop_map(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_scripts_agree(five in any::<bool>(), steps in prop::collection::vec(step(), 1..30)) {
        run(if five { 5 } else { 3 }, &steps);
    }
}
