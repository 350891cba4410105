//! One consumer: reads the partitions that it was dealt, or those that its group gives it.
//! Shell.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use storage::tasks;

use super::fetcher::Fetcher;
use super::here::Here;
use super::plan::{ConsumerPlan, Reading, by_leader};
use super::position::Position;
use super::worker::Message;
use crate::client::coordinator::{self, Coordinated, CoordinatorError};
use crate::client::membership::{Member, MembershipError};
use crate::measure::now;

/// Before the run begins members ask often whether the group has changed.
const SETTLING: Duration = Duration::from_millis(100);
/// How often a member looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
enum ConsumerError {
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
    #[error(transparent)]
    Membership(#[from] MembershipError),
}

type Progress = Rc<RefCell<BTreeMap<i32, i64>>>;

/// The fetchers of a member between two rebalances.
struct Reads {
    running: Vec<tasks::Task<Vec<Position>>>,
    progress: Progress,
    stop: Rc<Cell<bool>>,
}

/// Reads until the run is over and files what came.
pub(crate) async fn run(here: Rc<Here>, plan: ConsumerPlan) {
    match &plan.reading {
        Reading::Assigned(led) => {
            let mut fetchers = Vec::new();
            for (leader, partitions) in led {
                let positions = partitions.iter().map(|partition| {
                    let (start, end) = bounds(&here, plan.topic, *partition);
                    Position::new(*partition, start, end)
                });
                let positions = positions.collect();
                let fetcher = Fetcher::new(Rc::clone(&here), plan.topic, *leader, positions);
                fetchers.push(tasks::spawn(fetcher.run()));
            }
            for fetcher in fetchers {
                file(&here, &plan, fetcher.await);
            }
        }
        Reading::Group(group) => {
            if let Err(error) = run_member(&here, &plan, group).await {
                here.consumer_failed(&error);
            }
        }
    }
}

/// Where reading begins, and where the log ended when the run began.
fn bounds(here: &Here, topic: usize, partition: i32) -> (i64, i64) {
    let place = usize::try_from(partition).unwrap_or(0);
    let of = |offsets: &[Vec<i64>]| offsets.get(topic).and_then(|of| of.get(place)).copied();
    let (starts, ends) = (&here.setup.starts, &here.setup.ends);
    (of(starts).unwrap_or(0), of(ends).unwrap_or(i64::MAX))
}

fn file(here: &Here, plan: &ConsumerPlan, positions: Vec<Position>) {
    let mut receipts = here.receipts.borrow_mut();
    let receipt = receipts.entry(plan.subscription).or_default();
    for position in positions {
        let place = here.setup.place(plan.topic, position.partition);
        for (producer, got) in position.got {
            receipt.entry((producer, place)).or_default().merge(&got);
        }
    }
}

async fn run_member(
    here: &Rc<Here>,
    plan: &ConsumerPlan,
    group: &str,
) -> Result<(), ConsumerError> {
    let setup = Rc::clone(here);
    let setup = &setup.setup;
    let bootstrap = &setup.bootstrap;
    let connected = coordinator::connect(&here.ring, bootstrap, Coordinated::Group, group).await;
    let mut member = Member::new(connected?, group.to_owned());
    let topics = &setup.topics[plan.topic..=plan.topic];
    let mut last: BTreeMap<i32, i64> = BTreeMap::new();
    while !here.consumers_stop() {
        let assigned = member.join(topics).await?;
        let committed = member.committed(topics, &assigned).await?;
        // The conductor is gone only when nobody listens any more.
        drop(here.out.send(Message::Assigned {
            group: group.to_owned(),
            member: plan.number,
            partitions: assigned.len(),
        }));
        let positions = assigned.iter().map(|(_, partition)| {
            let (start, end) = bounds(here, plan.topic, *partition);
            let offset = committed.get(&(0, *partition)).copied();
            // What this member read itself it need not read again.
            let offset = offset.max(last.get(partition).copied()).unwrap_or(start);
            Position::new(*partition, offset, end)
        });
        let reads = begin_reading(here, plan.topic, positions.collect());
        let outcome = stay(here, &mut member, topics, &reads.progress).await;
        reads.stop.set(true);
        for running in reads.running {
            file(here, plan, running.await);
        }
        outcome?;
        last.clone_from(&reads.progress.borrow());
        commit(here, &mut member, topics, &reads.progress).await?;
    }
    member.leave().await?;
    Ok(())
}

fn begin_reading(here: &Rc<Here>, topic: usize, positions: Vec<Position>) -> Reads {
    let leaders = &here.setup.topics[topic].leaders;
    let mut positions: BTreeMap<i32, Position> = positions
        .into_iter()
        .map(|own| (own.partition, own))
        .collect();
    let led = positions.keys().filter_map(|partition| {
        let place = usize::try_from(*partition).ok()?;
        Some((*partition, *leaders.get(place)?))
    });
    let led = by_leader(led);
    let (progress, stop) = (Progress::default(), Rc::new(Cell::new(false)));
    let running = led.into_iter().map(|(leader, partitions)| {
        let own = partitions
            .iter()
            .filter_map(|partition| positions.remove(partition));
        let mut fetcher = Fetcher::new(Rc::clone(here), topic, leader, own.collect());
        fetcher.progress = Rc::clone(&progress);
        fetcher.stop = Rc::clone(&stop);
        tasks::spawn(fetcher.run())
    });
    Reads {
        running: running.collect(),
        progress,
        stop,
    }
}

/// Heartbeats and commits until the group changes or the run is over.
async fn stay(
    here: &Here,
    member: &mut Member,
    topics: &[crate::client::cluster::Topic],
    progress: &Progress,
) -> Result<(), MembershipError> {
    let knobs = &here.setup.consumer;
    let nanos = |millis: u64| millis.saturating_mul(1_000_000);
    let (mut beat, mut committed) = (now(), now());
    while !here.consumers_stop() {
        let has_begun = here.control.begin.load(Ordering::Relaxed) > 0;
        let interval = if has_begun {
            nanos(knobs.heartbeat_interval_ms)
        } else {
            u64::try_from(SETTLING.as_nanos()).unwrap_or(u64::MAX)
        };
        if now().saturating_sub(beat) >= interval {
            beat = now();
            if !member.heartbeat().await? {
                return Ok(());
            }
        }
        if knobs.auto_commit && now().saturating_sub(committed) >= nanos(knobs.commit_interval_ms) {
            committed = now();
            if !commit(here, member, topics, progress).await? {
                return Ok(());
            }
        }
        tasks::sleep(LOOK).await;
    }
    Ok(())
}

async fn commit(
    here: &Here,
    member: &mut Member,
    topics: &[crate::client::cluster::Topic],
    progress: &Progress,
) -> Result<bool, MembershipError> {
    let positions = progress.borrow().clone().into_iter();
    let positions: BTreeMap<_, _> = positions.map(|(p, offset)| ((0, p), offset)).collect();
    if positions.is_empty() {
        return Ok(true);
    }
    here.count(now(), |counts| counts.commits += 1);
    member.commit(topics, &positions).await
}
