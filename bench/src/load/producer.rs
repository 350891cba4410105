//! One producer: makes records when they are due, or when there is room in a closed load, and
//! keeps account of what it was promised. Shell.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::records::Header;
use storage::tasks;

use super::accumulator::{Accumulator, Loaded};
use super::batch::{Batch, NewRecord};
use super::here::Here;
use super::ledger::Promised;
use super::link::{Link, LinkError};
use super::plan::{ProducerPlan, by_leader};
use super::signal::Signal;
use super::stamp::Stamp;
use super::transaction::{self, TransactionError, Transactions};
use crate::client::connection::Connection;
use crate::client::coordinator::{self, CoordinatorError};
use crate::client::produce_frame::ProduceTerms;
use crate::measure::now;
use crate::workload::arrivals::{Arrivals, Plan, Schedule};
use crate::workload::keys::KeySource;

/// Records that are made before others have their turn.
const RECORDS_A_TURN: u32 = 2000;
/// How often a producer that nobody answers looks whether it is to stop.
const LOOK_NANOS: u64 = 100_000_000;
const HEADER_KEYS: [&str; 4] = ["trace-id", "content-type", "source", "version"];
const HEADER_VALUE: &[u8] = b"00-4bf92f3577b34da6";

/// Why a producer cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProducerError {
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

#[derive(Debug)]
pub(crate) struct Producer {
    pub(crate) here: Rc<Here>,
    pub(crate) plan: ProducerPlan,
    pub(crate) terms: ProduceTerms,
    pub(crate) accumulator: RefCell<Accumulator>,
    pub(crate) links: Vec<Rc<Link>>,
    /// Something was acknowledged, or the producer is to stop.
    pub(crate) room: Signal,
    pub(crate) transactions: Option<Transactions>,
    /// What a transaction has stored and not yet ended.
    pub(crate) stored: RefCell<Vec<Loaded>>,
    promised: RefCell<Vec<Promised>>,
    drawn: RefCell<Drawn>,
    left: Cell<u64>,
    flushing: Cell<bool>,
    ending: Cell<bool>,
    failed: Cell<bool>,
}

/// What chance decides.
#[derive(Debug)]
struct Drawn {
    random: fastrand::Rng,
    keys: KeySource,
    /// The next record's key, when it was drawn already.
    next: Option<Option<u64>>,
}

/// A producer with its connections, ready to begin.
#[derive(Debug)]
pub(crate) struct Prepared {
    producer: Rc<Producer>,
    connections: Vec<Connection>,
}

/// Connects a producer, and gets it an identity where it needs one.
pub(crate) async fn prepare(here: Rc<Here>, plan: ProducerPlan) -> Result<Prepared, ProducerError> {
    let mut producer = Producer::new(here, plan);
    let mut connections = Vec::with_capacity(producer.links.len());
    for link in &producer.links {
        connections.push(link.connect(&producer).await?);
    }
    if let Some(transactional_id) = producer.terms.transactional_id.clone() {
        let transactions = Transactions::begin(&producer.here, transactional_id).await?;
        let identity = Some(transactions.identity());
        producer.accumulator.borrow_mut().identify(identity);
        producer.transactions = Some(transactions);
    } else if producer.is_idempotent()
        && let Some(any) = connections.first_mut()
    {
        let identity = coordinator::producer_id(any, None).await?;
        producer.accumulator.borrow_mut().identify(Some(identity));
    }
    Ok(Prepared {
        producer: Rc::new(producer),
        connections,
    })
}

impl Prepared {
    /// Runs the producer to its end and files its account.
    pub(crate) async fn run(self) {
        let own = self.producer;
        let connections = own.links.iter().cloned().zip(self.connections);
        let links: Vec<_> = connections
            .map(|(link, connection)| {
                let own = Rc::clone(&own);
                tasks::spawn(async move {
                    let ended = link.run(Rc::clone(&own), connection).await;
                    if let Err(error) = ended {
                        own.give_up(&error);
                    }
                })
            })
            .collect();
        if let Err(error) = own.make_all().await {
            own.give_up(&error);
        }
        own.end();
        for link in links {
            link.await;
        }
        own.file_account();
    }
}

impl Producer {
    fn new(here: Rc<Here>, plan: ProducerPlan) -> Self {
        let setup = &here.setup;
        let (workload, knobs) = (&setup.workload, &setup.producer);
        let leaders = &setup.topics[plan.topic].leaders;
        let led = by_leader((0..).zip(leaders.iter().copied()));
        let link_of = |leader| led.iter().position(|(address, _)| address == leader);
        let link_of: Vec<usize> = leaders.iter().filter_map(link_of).collect();
        let links = led.iter().enumerate();
        let links = links.map(|(number, (address, _))| Rc::new(Link::new(number, *address)));
        let of_number = |id: &String| format!("{id}-{:08x}-{}", setup.run, plan.number);
        let first = plan.number as usize / setup.topics.len();
        Self {
            terms: ProduceTerms {
                transactional_id: knobs.transactional_id.as_ref().map(of_number),
                acks: knobs.acks,
                timeout_ms: knobs.request_timeout_ms,
            },
            accumulator: Accumulator::new(knobs, &link_of, first).into(),
            links: links.collect(),
            room: Signal::default(),
            transactions: None,
            stored: RefCell::default(),
            promised: vec![Promised::default(); leaders.len()].into(),
            drawn: RefCell::new(Drawn {
                random: fastrand::Rng::with_seed(workload.seed ^ (u64::from(plan.number) << 32)),
                keys: KeySource::new(workload.key_distributor),
                next: None,
            }),
            left: Cell::new(plan.records.unwrap_or(u64::MAX)),
            flushing: Cell::new(false),
            ending: Cell::new(false),
            failed: Cell::new(false),
            plan,
            here,
        }
    }

    async fn make_all(&self) -> Result<(), ProducerError> {
        if self.transactions.is_some() {
            return Ok(transaction::run(self).await?);
        }
        match self.plan.rate {
            Some(rate) => self.make_on_schedule(rate).await,
            None => self.make_when_there_is_room().await,
        }
        Ok(())
    }

    /// An open load: a record is made at its time, or as soon after it as can be; none is left
    /// out, and none is put off because of the broker.
    async fn make_on_schedule(&self, rate: f64) {
        let begin = self.here.control.begin.load(Ordering::Relaxed);
        let workload = &self.here.setup.workload;
        let whole = workload.warm_up() + workload.duration();
        let mut schedule = Schedule::new(Plan {
            poisson: workload.arrivals == Arrivals::Poisson,
            profile: workload.profile.clone(),
            rate,
            whole: whole.as_secs_f64(),
            phase: self.plan.phase,
            seed: workload.seed ^ u64::from(self.plan.number),
        });
        let memory = usize::try_from(self.here.setup.producer.buffer_memory).unwrap_or(usize::MAX);
        while !self.is_done() {
            let now = now();
            let mut made = 0;
            let mut due = begin + schedule.peek();
            while due <= now && made < RECORDS_A_TURN && !self.is_out_of_time(due) {
                if self.left.get() == 0 || self.accumulator.borrow().buffered >= memory {
                    break;
                }
                self.make(due, now);
                schedule.advance();
                due = begin + schedule.peek();
                made += 1;
            }
            // After the last record the producer stays until the run's time is over.
            if self.is_out_of_time(due) && self.is_out_of_time(now) {
                return;
            }
            if made == RECORDS_A_TURN {
                tasks::yield_now().await;
            } else if due <= now && !self.is_out_of_time(due) {
                self.room.wait_until(Some(now + LOOK_NANOS)).await;
            } else {
                let until = self.here.control.measure_until.load(Ordering::Relaxed);
                let next = due.min(until).min(now + LOOK_NANOS);
                tasks::sleep_until(Duration::from_nanos(next)).await;
            }
        }
    }

    /// A closed load: what is answered makes room for the next batch.
    async fn make_when_there_is_room(&self) {
        let setup = &self.here.setup;
        let limit = setup
            .workload
            .outstanding
            .unwrap_or(setup.producer.in_flight) as usize;
        while !self.is_done() && !self.is_out_of_time(now()) {
            let mut at = now();
            while self.left.get() > 0 {
                let lane = self.next_lane();
                if !self.accumulator.borrow().is_open(lane) {
                    if self.accumulator.borrow().outstanding >= limit {
                        break;
                    }
                    at = now();
                }
                self.make(at, at);
            }
            self.room.wait_until(Some(at + LOOK_NANOS)).await;
        }
    }

    /// The lane of the next record: its key is drawn now.
    fn next_lane(&self) -> usize {
        let mut drawn = self.drawn.borrow_mut();
        let drawn = &mut *drawn;
        let key = drawn
            .next
            .get_or_insert_with(|| drawn.keys.next(&mut drawn.random));
        let text = key.map(|key| key.to_string());
        let key = text.as_deref().map(str::as_bytes);
        self.accumulator.borrow().choose(key)
    }

    /// Makes one record, due at `intended`. Returns its lane.
    pub(crate) fn make(&self, intended: u64, now: u64) -> usize {
        let here = &*self.here;
        let mut drawn = self.drawn.borrow_mut();
        let drawn = &mut *drawn;
        let key = drawn.next.take();
        let key = key.unwrap_or_else(|| drawn.keys.next(&mut drawn.random));
        let key = key.map(|key| key.to_string());
        let key = key.as_deref().map(str::as_bytes);
        let mut accumulator = self.accumulator.borrow_mut();
        let lane = accumulator.choose(key);
        let stamp = Stamp {
            run: here.setup.run,
            producer: self.plan.number,
            sequence: accumulator.next_number(lane),
            intended: here.on_wall(intended),
        };
        let workload = &here.setup.workload;
        let ratio = workload.tombstone_ratio;
        let is_tombstone = ratio > 0.0 && drawn.random.f64() < ratio;
        let headers = headers(workload.headers);
        let mut pool = here.pool.borrow_mut();
        let (value, is_stamped) = pool.stamped(&stamp);
        let record = NewRecord {
            key,
            value: (!is_tombstone).then_some(value),
            headers: &headers,
            intended,
            timestamp_ms: i64::try_from(here.on_wall(now) / 1_000_000).unwrap_or(i64::MAX),
            numbered: is_stamped && !is_tombstone,
        };
        let look = accumulator.append(lane, &record, now);
        if look {
            self.links[accumulator.link_of(lane)].send.raise();
        }
        self.left.set(self.left.get() - 1);
        here.count(now, |counts| counts.sent += 1);
        here.record(intended, |series| series.slip.record(now - intended));
        lane
    }

    /// The broker has a batch.
    pub(crate) fn acknowledged(&self, lane: usize, batch: Batch, sent: u64, now: u64) {
        self.accumulator.borrow_mut().settle(&batch);
        let records = batch.records();
        let first = batch.intended.first().copied().unwrap_or(now);
        let service = now.saturating_sub(sent);
        self.here
            .record(first, |series| series.service.record_n(service, records));
        if self.transactions.is_some() {
            self.stored.borrow_mut().push((lane, batch));
        } else {
            self.confirmed(lane, &batch, now);
        }
        self.look_for_the_end();
    }

    /// The records of a batch will be read by everyone.
    pub(crate) fn confirmed(&self, lane: usize, batch: &Batch, now: u64) {
        for intended in &batch.intended {
            let response = now.saturating_sub(*intended);
            self.here
                .record(*intended, |series| series.response.record(response));
        }
        let records = batch.records();
        self.here.count(now, |counts| {
            counts.acked += records;
            counts.acked_bytes += batch.value_bytes;
        });
        let control = &self.here.control;
        let (first, end) = batch.numbers();
        // What carries no number cannot be told apart: then all are counted on both sides.
        let owed = if self.here.all_stamped {
            end - first
        } else {
            records
        };
        control.owed.fetch_add(owed, Ordering::Relaxed);
        let bytes = batch.value_bytes;
        control.acked_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.here.last.set(now);
        if first < end {
            self.promised.borrow_mut()[lane].acked.extend(first, end);
        }
    }

    /// The records of a batch must not be read by anyone who reads what is committed.
    pub(crate) fn aborted(&self, lane: usize, batch: &Batch, now: u64) {
        let records = batch.records();
        self.here.count(now, |counts| counts.aborted += records);
        let (first, end) = batch.numbers();
        if first < end {
            self.promised.borrow_mut()[lane].aborted.extend(first, end);
        }
    }

    /// A batch was refused for good.
    pub(crate) fn given_up(&self, batch: &Batch) {
        self.accumulator.borrow_mut().settle(batch);
        let records = batch.records();
        self.here.count(now(), |counts| counts.failed += records);
        self.look_for_the_end();
    }

    pub(crate) fn check_offset(
        &self,
        lane: usize,
        base_offset: i64,
        records: u64,
    ) -> Result<(), LinkError> {
        let lane = &mut self.accumulator.borrow_mut().lanes[lane];
        // A duplicate that the broker recognised may be answered without its offset.
        if base_offset < 0 {
            return Ok(());
        }
        if base_offset < lane.next_offset {
            return Err(LinkError::Backwards(lane.partition));
        }
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        lane.next_offset = base_offset.saturating_add(records);
        Ok(())
    }

    /// Wakes who waits for everything to be answered.
    fn look_for_the_end(&self) {
        if self.accumulator.borrow().outstanding == 0 {
            self.room.raise();
            for link in &self.links {
                link.send.raise();
            }
        }
    }

    /// From now on nothing lingers, or it does again.
    pub(crate) fn set_flushing(&self, flushing: bool) {
        self.flushing.set(flushing);
        for link in &self.links {
            link.send.raise();
        }
    }

    fn end(&self) {
        self.ending.set(true);
        self.set_flushing(true);
    }

    fn give_up(&self, why: &dyn std::fmt::Display) {
        if !self.failed.replace(true) {
            self.here
                .fail(&format!("producer {}: {why}", self.plan.number));
        }
        self.room.raise();
        self.end();
    }

    fn file_account(&self) {
        let mut unanswered = 0;
        for link in &self.links {
            let batches = link.abandon();
            unanswered += batches
                .iter()
                .map(|(_, batch)| batch.records())
                .sum::<u64>();
        }
        unanswered += self.accumulator.borrow_mut().abandon();
        let stored = self.stored.borrow();
        unanswered += stored.iter().map(|(_, batch)| batch.records()).sum::<u64>();
        self.here.count(now(), |counts| counts.failed += unanswered);
        let mut promises = self.here.promises.borrow_mut();
        for (partition, promised) in (0..).zip(self.promised.take()) {
            if promised.acked.len() + promised.aborted.len() > 0 {
                let place = self.here.setup.place(self.plan.topic, partition);
                promises.insert((self.plan.number, place), promised);
            }
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.left.get() == 0 || self.failed.get() || self.here.producers_stop()
    }

    /// The run's time is over at this moment.
    pub(crate) fn is_out_of_time(&self, at: u64) -> bool {
        at >= self.here.control.measure_until.load(Ordering::Relaxed)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.failed.get() || self.here.producers_stop()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.get()
    }

    pub(crate) fn is_flushing(&self) -> bool {
        self.flushing.get()
    }

    /// Nothing is unanswered.
    pub(crate) fn is_empty(&self) -> bool {
        self.accumulator.borrow().outstanding == 0
    }

    pub(crate) fn is_idempotent(&self) -> bool {
        self.here.setup.producer.idempotent
    }

    /// The version of its Produce requests, of a broker that knows this one.
    pub(crate) fn version(&self, newest: i16) -> i16 {
        match &self.transactions {
            Some(transactions) => transactions.produce_version(newest),
            None => newest,
        }
    }
}

fn headers(count: u32) -> Vec<Header<'static>> {
    let keys = HEADER_KEYS.iter().cycle().take(count as usize);
    keys.map(|key| Header {
        key: key.as_bytes(),
        value: Some(HEADER_VALUE),
    })
    .collect()
}
