//! Conducts a run: starts the threads, tells them when to begin and to end, gathers what they
//! count, samples what processes cost. Shell, around the rules of `phases`.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use storage::clock;

use super::live::Live;
use super::options::RunOptions;
use super::outcome::{Ended, Outcome, Target};
use super::phases::{Drain, Drained, Groups};
use super::setup::SetupError;
use super::timeline::{Point, Usage};
use crate::load::ledger::{Promises, Receipts, Verdict};
use crate::load::plan::{self, Control, Reading, Setup};
use crate::load::worker::{self, Account, Message};
use crate::measure::failures::Failures;
use crate::measure::interval::{Counts, INTERVAL_NANOS, Interval, Series};
use crate::measure::now;
use crate::measure::process::Cost;

/// Between saying when the run begins and that moment.
const LEAD_NANOS: u64 = 20_000_000;
const LOOK: Duration = Duration::from_millis(20);
/// How long threads may take to connect, and to end.
const CONNECT_LIMIT_NANOS: u64 = 120_000_000_000;
const END_LIMIT_NANOS: u64 = 60_000_000_000;

/// How far the run is.
#[derive(Debug)]
enum Phase {
    Connecting,
    Running,
    Draining(Drain),
    Ending,
}

#[derive(Debug)]
pub(crate) struct Conductor<'a> {
    setup: Arc<Setup>,
    options: &'a RunOptions,
    control: Arc<Control>,
    live: &'a mut Live,
    interrupted: &'a AtomicBool,
    phase: Phase,
    groups: Groups,
    members: usize,
    threads: usize,
    ready: usize,
    producers_done: usize,
    accounts: Vec<Account>,
    began: u64,
    phase_began: u64,
    ended: Ended,
    intervals: BTreeMap<u64, (usize, Interval)>,
    timeline: Vec<Point>,
    costs: Costs,
    events: Vec<(f64, String)>,
    faults: Vec<Child>,
    faults_done: usize,
}

/// What all threads have at the end.
#[derive(Debug, Default)]
struct Total {
    series: Series,
    counts: Counts,
    failures: Failures,
    promises: Promises,
    receipts: Receipts,
    damaged: u64,
    readers_failed: bool,
    last: u64,
}

impl Total {
    fn add(&mut self, account: Account) {
        self.series.merge(&account.series);
        self.counts.add(&account.counts);
        self.failures.merge(&account.failures);
        self.promises.extend(account.promises);
        for (subscription, receipt) in account.receipts {
            let merged = self.receipts.entry(subscription).or_default();
            for (route, got) in receipt {
                merged.entry(route).or_default().merge(&got);
            }
        }
        self.damaged += account.damaged;
        self.readers_failed |= account.readers_failed;
        self.last = self.last.max(account.last);
    }
}

/// Samples of what processes cost.
#[derive(Debug, Default)]
struct Costs {
    /// At the begin and at the end of what is measured: broker and generator.
    from: Option<(Cost, Cost)>,
    until: Option<(Cost, Cost)>,
    /// At the last interval.
    last: (Cost, Cost),
    last_at: u64,
}

/// Runs a load to its outcome.
pub(crate) fn conduct(
    setup: Setup,
    target: Target,
    options: &RunOptions,
    live: &mut Live,
    interrupted: &AtomicBool,
) -> Result<Outcome, SetupError> {
    conduct_owing(setup, target, options, live, (interrupted, Promises::new()))
}

/// As [`conduct`], of a load whose readers are also to get what was promised before.
pub(crate) fn conduct_owing(
    setup: Setup,
    target: Target,
    options: &RunOptions,
    live: &mut Live,
    (interrupted, owed): (&AtomicBool, Promises),
) -> Result<Outcome, SetupError> {
    let setup = Arc::new(setup);
    let control = Arc::new(Control::default());
    let (out, messages) = mpsc::channel();
    let mut groups = Groups::default();
    let mut members = 0;
    let shares = plan::shares(&setup, options.threads);
    for consumer in shares.iter().flat_map(|share| &share.consumers) {
        if let Reading::Group(group) = &consumer.reading {
            members += 1;
            groups.expect(group.clone(), setup.topics[consumer.topic].leaders.len());
        }
    }
    let began_ms = clock::now_ms();
    let handles: Vec<JoinHandle<()>> = shares
        .into_iter()
        .map(|share| worker::spawn(share, Arc::clone(&setup), Arc::clone(&control), out.clone()))
        .collect();
    drop(out);
    let mut conductor = Conductor {
        options,
        live,
        interrupted,
        phase: Phase::Connecting,
        groups,
        members,
        threads: handles.len(),
        ready: 0,
        producers_done: 0,
        accounts: Vec::new(),
        began: 0,
        phase_began: now(),
        ended: Ended::Whole,
        intervals: BTreeMap::new(),
        timeline: Vec::new(),
        costs: Costs::default(),
        events: Vec::new(),
        faults: Vec::new(),
        faults_done: 0,
        setup,
        control,
    };
    let conducted = conductor.run(&messages);
    conductor.stop_everything();
    for handle in handles {
        if conducted.is_ok() {
            drop(handle.join());
        }
    }
    conducted?;
    Ok(conductor.outcome(target, began_ms, owed))
}

impl Conductor<'_> {
    fn run(&mut self, messages: &Receiver<Message>) -> Result<(), SetupError> {
        loop {
            match messages.recv_timeout(self.until_next_look()) {
                Ok(message) => self.take(message)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if self.look()? {
                return Ok(());
            }
        }
    }

    /// Moments that matter are met more exactly than others.
    fn until_next_look(&self) -> Duration {
        let now = now();
        let moments = [&self.control.measure_from, &self.control.measure_until];
        let next = moments.into_iter().map(|at| at.load(Ordering::Relaxed));
        let next = next.filter(|at| *at > now && *at < u64::MAX).min();
        next.map_or(LOOK, |at| Duration::from_nanos(at - now).min(LOOK))
    }

    fn take(&mut self, message: Message) -> Result<(), SetupError> {
        match message {
            Message::Ready => self.ready += 1,
            Message::Note(text) => {
                self.events.push((self.second(), text.clone()));
                self.live.note(&text);
            }
            Message::Assigned {
                group,
                member,
                partitions,
            } => self.groups.assigned(group, member, partitions, now()),
            Message::Interval { number, interval } => self.add_interval(number, &interval),
            Message::ProducersDone => self.producers_done += 1,
            Message::Done(account) => self.accounts.push(*account),
            Message::Broken(why) => return Err(SetupError::Threads(why)),
        }
        Ok(())
    }

    /// Decides what follows; true when the run is over.
    fn look(&mut self) -> Result<bool, SetupError> {
        let now = now();
        if self.interrupted.load(Ordering::Relaxed) && self.ended == Ended::Whole {
            self.ended = Ended::Interrupted;
            self.live
                .note("interrupted: ending the load and writing what was measured");
            self.control.producers_stop.store(true, Ordering::Relaxed);
            if self.has_no_producers() || matches!(self.phase, Phase::Connecting) {
                self.control.consumers_stop.store(true, Ordering::Relaxed);
            }
        }
        self.sample_costs(now);
        self.run_faults();
        if self.accounts.len() == self.threads {
            self.close_measurement(now);
            return Ok(true);
        }
        match &mut self.phase {
            Phase::Connecting => self.look_whether_connected(now)?,
            Phase::Running => self.look_whether_produced(now),
            Phase::Draining(_) => self.look_whether_drained(now),
            Phase::Ending => {
                if now.saturating_sub(self.phase_began) > END_LIMIT_NANOS {
                    let why = "the threads of the load do not end".to_owned();
                    return Err(SetupError::Threads(why));
                }
            }
        }
        Ok(false)
    }

    fn look_whether_connected(&mut self, now: u64) -> Result<(), SetupError> {
        if self.ready < self.threads || !self.groups.are_settled(self.members, now) {
            if now.saturating_sub(self.phase_began) > CONNECT_LIMIT_NANOS {
                let why = "the connections are not up, or a group has not settled".to_owned();
                return Err(SetupError::Threads(why));
            }
            return Ok(());
        }
        let workload = &self.setup.workload;
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.began = now + LEAD_NANOS;
        let from = self.began + nanos(workload.warm_up());
        let until = match workload.records {
            Some(_) => u64::MAX,
            None if self.setup.stop_at_ends => u64::MAX,
            None => from + nanos(workload.duration()),
        };
        self.control.measure_from.store(from, Ordering::Relaxed);
        self.control.measure_until.store(until, Ordering::Relaxed);
        // Readers of what is there already begin with the run, others wait for records.
        let waits = workload.consumer_backlog_size_gb > 0.0 || self.has_no_producers();
        self.control.released.store(!waits, Ordering::Relaxed);
        self.control.begin.store(self.began, Ordering::Release);
        let (broker, generator) = self.costs_now();
        self.costs.last = (broker, generator);
        self.costs.last_at = self.began;
        self.enter(Phase::Running, now);
        Ok(())
    }

    fn look_whether_produced(&mut self, now: u64) {
        let workload = &self.setup.workload;
        let backlog = workload.consumer_backlog_size_gb * 1e9;
        let written = self.control.acked_bytes.load(Ordering::Relaxed) as f64;
        let begins = now >= self.began && written >= backlog;
        if begins && !self.control.released.swap(true, Ordering::Relaxed) {
            self.events
                .push((self.second(), "consumers begin".to_owned()));
        }
        if self.has_no_producers() {
            let received = self.control.received.load(Ordering::Relaxed);
            let enough = workload.records.is_some_and(|records| received >= records);
            let over = now >= self.control.measure_until.load(Ordering::Relaxed);
            if enough || over || self.ended == Ended::Interrupted {
                self.close_measurement(now);
                self.control.consumers_stop.store(true, Ordering::Relaxed);
                self.enter(Phase::Ending, now);
            }
            return;
        }
        if self.producers_done == self.threads {
            let until = self.control.measure_until.load(Ordering::Relaxed);
            if now < until && workload.records.is_none() && self.ended == Ended::Whole {
                self.ended = Ended::Failed;
            }
            self.close_measurement(now);
            self.control.released.store(true, Ordering::Relaxed);
            self.enter(Phase::Draining(Drain::begin(now)), now);
        }
    }

    fn look_whether_drained(&mut self, now: u64) {
        let subscriptions = u64::from(self.setup.workload.subscriptions_per_topic);
        let owed = self.control.owed.load(Ordering::Relaxed);
        let received = self.control.received.load(Ordering::Relaxed);
        let patience = u64::try_from(self.options.give_up.as_nanos()).unwrap_or(u64::MAX);
        let uncertain = self.setup.workload.abort_ratio > 0.0 || self.ended != Ended::Whole;
        let Phase::Draining(drain) = &mut self.phase else {
            return;
        };
        let patience = patience.max(INTERVAL_NANOS);
        let drained = drain.look(received, owed * subscriptions, uncertain, now, patience);
        if drained == Drained::NotYet && subscriptions > 0 {
            return;
        }
        if drained == Drained::Stalled && subscriptions > 0 && self.ended == Ended::Whole {
            self.ended = Ended::NotDrained;
        }
        self.control.consumers_stop.store(true, Ordering::Relaxed);
        self.enter(Phase::Ending, now);
    }

    fn enter(&mut self, phase: Phase, now: u64) {
        self.phase = phase;
        self.phase_began = now;
    }

    fn has_no_producers(&self) -> bool {
        self.setup.workload.producers_per_topic == 0
    }

    fn stop_everything(&mut self) {
        self.control.producers_stop.store(true, Ordering::Relaxed);
        self.control.consumers_stop.store(true, Ordering::Relaxed);
        for fault in &mut self.faults {
            // It has ended, or goes on without the run.
            drop(fault.try_wait());
        }
    }

    /// Seconds since the begin of the run.
    fn second(&self) -> f64 {
        if self.began == 0 {
            return 0.0;
        }
        now().saturating_sub(self.began) as f64 / 1e9
    }

    fn run_faults(&mut self) {
        if self.began == 0 {
            return;
        }
        let second = self.second();
        while let Some(fault) = self.options.faults.get(self.faults_done)
            && fault.at.as_secs_f64() <= second
        {
            self.faults_done += 1;
            let mut shell = Command::new("sh");
            let shell = shell.arg("-c").arg(&fault.command).stdin(Stdio::null());
            let text = format!("fault: {}", fault.command);
            self.live.note(&text);
            self.events.push((second, text));
            match shell.spawn() {
                Ok(child) => self.faults.push(child),
                Err(error) => self.live.note(&format!("fault: {error}")),
            }
        }
    }

    fn costs_now(&self) -> (Cost, Cost) {
        let broker = self.options.broker_pid.and_then(|pid| Cost::of(pid).ok());
        let generator = Cost::of(std::process::id()).unwrap_or_default();
        (broker.unwrap_or_default(), generator)
    }

    fn sample_costs(&mut self, now: u64) {
        if self.began == 0 {
            return;
        }
        let from = self.control.measure_from.load(Ordering::Relaxed);
        if self.costs.from.is_none() && now >= from {
            self.costs.from = Some(self.costs_now());
        }
        let until = self.control.measure_until.load(Ordering::Relaxed);
        if self.costs.until.is_none() && now >= until {
            self.costs.until = Some(self.costs_now());
        }
    }

    /// What comes from now on is not measured.
    fn close_measurement(&mut self, now: u64) {
        let until = self.control.measure_until.load(Ordering::Relaxed);
        self.control
            .measure_until
            .store(until.min(now), Ordering::Relaxed);
        if self.costs.until.is_none() && self.began > 0 {
            self.costs.until = Some(self.costs_now());
        }
    }

    fn add_interval(&mut self, number: u64, interval: &Interval) {
        let (threads, merged) = self.intervals.entry(number).or_default();
        *threads += 1;
        merged.merge(interval);
        if *threads < self.threads {
            return;
        }
        let Some((_, merged)) = self.intervals.remove(&number) else {
            return;
        };
        let (broker, generator) = self.costs_now();
        let at = now();
        let seconds = at.saturating_sub(self.costs.last_at) as f64 / 1e9;
        let cores = |cost: Cost, last: Cost| (cost - last).cpu_seconds() / seconds.max(1e-3);
        let usage = Usage {
            broker_cores: (self.options.broker_pid.is_some())
                .then(|| cores(broker, self.costs.last.0)),
            broker_rss_bytes: broker.rss_bytes,
            generator_cores: cores(generator, self.costs.last.1),
        };
        self.costs.last = (broker, generator);
        self.costs.last_at = at;
        let mut point = Point::new(number, &merged, usage);
        let before = self.timeline.last();
        let before = before.map_or((0, 0), |point| (point.unacknowledged, point.backlog));
        let counts = &point.counts;
        let settled = counts.acked + counts.failed + counts.aborted;
        point.unacknowledged = (before.0 + counts.sent).saturating_sub(settled);
        let subscriptions = u64::from(self.setup.workload.subscriptions_per_topic);
        let to_read = before.1 + counts.acked * subscriptions;
        point.backlog = to_read.saturating_sub(counts.received);
        let phase = match self.phase {
            Phase::Connecting | Phase::Running => "",
            Phase::Draining(_) | Phase::Ending => "drain",
        };
        self.live.show(&self.setup.workload, &point, phase);
        self.timeline.push(point);
    }

    /// Everything between the begin and the end of what is measured.
    fn measured_seconds(&self, last: u64) -> f64 {
        let from = self.control.measure_from.load(Ordering::Relaxed);
        let until = self.control.measure_until.load(Ordering::Relaxed);
        let ends_with_records = self.setup.workload.records.is_some() || self.setup.stop_at_ends;
        let until = if ends_with_records && last > from {
            last.min(until)
        } else {
            until
        };
        if self.began == 0 || until == u64::MAX {
            return 0.0;
        }
        until.saturating_sub(from) as f64 / 1e9
    }

    fn outcome(mut self, target: Target, began_ms: i64, owed: Promises) -> Outcome {
        self.live.finish();
        let mut total = Total {
            promises: owed,
            ..Total::default()
        };
        for account in std::mem::take(&mut self.accounts) {
            total.add(account);
        }
        let workload = self.setup.workload.clone();
        // Every subscription has a receipt, if only an empty one.
        for subscription in 0..workload.subscriptions_per_topic {
            total.receipts.entry(subscription).or_default();
        }
        let is_accounted = workload.subscriptions_per_topic > 0
            && !total.promises.is_empty()
            && !total.readers_failed;
        let mut verdict = Verdict::new(&total.promises, &total.receipts, is_accounted);
        verdict.damaged = total.damaged;
        if self.ended == Ended::Whole && total.readers_failed {
            self.ended = Ended::Failed;
        }
        let (from_costs, until_costs) = (self.costs.from, self.costs.until);
        let cost = |of: fn(&(Cost, Cost)) -> Cost| match (&from_costs, &until_costs) {
            (Some(from), Some(until)) => of(until) - of(from),
            (Some(_) | None, _) => Cost::default(),
        };
        let pool = crate::load::sample(&workload);
        Outcome {
            target,
            threads: self.threads,
            began_ms,
            ended: self.ended,
            seconds: self.measured_seconds(total.last),
            counts: total.counts,
            series: total.series,
            failures: total.failures,
            promises: total.promises,
            verdict,
            is_accounted,
            has_unstamped: pool.has_unstamped,
            timeline: self.timeline,
            broker: self.options.broker_pid.map(|_| cost(|(broker, _)| *broker)),
            generator: cost(|(_, generator)| *generator),
            compressibility: pool.compressibility,
            events: self.events,
            workload,
        }
    }
}
