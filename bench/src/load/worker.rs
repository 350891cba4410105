//! One thread of the load: its ring, its producers and consumers, and what it tells the
//! conductor. Shell.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use storage::ring::{Ring, RingOptions};
use storage::tasks;

use super::here::Here;
use super::ledger::{Promises, Receipts};
use super::plan::{Control, Setup, Share};
use super::producer::{self, Prepared};
use super::{consumer, idle};
use crate::measure::failures::Failures;
use crate::measure::interval::{Counts, INTERVAL_NANOS, Interval, Series};
use crate::measure::now;

/// Producers that connect at a time: the queue of new connections may be short.
const CONNECTING_MAX: usize = 32;
const LOOK: Duration = Duration::from_millis(1);
/// Socket buffers that all connections of a thread share.
const RECEIVE_BUFFERS: u16 = 512;

/// What a thread tells the conductor.
#[derive(Debug)]
pub(crate) enum Message {
    /// Everything is connected; members of groups may still be settling.
    Ready,
    Note(String),
    /// What a member of a group is to read.
    Assigned {
        group: String,
        member: usize,
        partitions: usize,
    },
    Interval {
        number: u64,
        interval: Box<Interval>,
    },
    ProducersDone,
    Done(Box<Account>),
    /// The thread could not begin.
    Broken(String),
}

/// What a thread has at the end.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) series: Series,
    pub(crate) counts: Counts,
    pub(crate) failures: Failures,
    pub(crate) promises: Promises,
    pub(crate) receipts: Receipts,
    pub(crate) damaged: u64,
    pub(crate) readers_failed: bool,
    /// When the last record was acknowledged or read, in nanoseconds of the monotonic clock.
    pub(crate) last: u64,
}

pub(crate) fn spawn(
    share: Share,
    setup: Arc<Setup>,
    control: Arc<Control>,
    out: Sender<Message>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let options = RingOptions {
            small_buffers: RECEIVE_BUFFERS,
            ..RingOptions::default()
        };
        match Ring::new(&options) {
            Ok(ring) => {
                let here = Here::new(ring.clone(), setup, control, out);
                tasks::block_on(&ring, Box::pin(run(&here, share)));
            }
            Err(error) => drop(out.send(Message::Broken(error.to_string()))),
        }
    })
}

async fn run(here: &Rc<Here>, share: Share) {
    let Share {
        producers,
        consumers,
        idle,
    } = share;
    let mut prepared = Vec::with_capacity(producers.len());
    let mut plans = producers.into_iter().peekable();
    while plans.peek().is_some() {
        let wave = plans.by_ref().take(CONNECTING_MAX);
        let wave: Vec<_> = wave
            .map(|plan| tasks::spawn(producer::prepare(Rc::clone(here), plan)))
            .collect();
        for producer in wave {
            match producer.await {
                Ok(producer) => prepared.push(producer),
                Err(error) => return tell(here, Message::Broken(error.to_string())),
            }
        }
    }
    let connections = match idle::open(here, idle).await {
        Ok(connections) => connections,
        Err(error) => return tell(here, Message::Broken(error.to_string())),
    };
    let kept = connections.into_iter().enumerate();
    let kept = kept.map(|(n, own)| tasks::spawn(idle::keep(Rc::clone(here), own, n)));
    let kept: Vec<_> = kept.collect();
    let reading = consumers.into_iter();
    let reading = reading.map(|plan| tasks::spawn(consumer::run(Rc::clone(here), plan)));
    let reading: Vec<_> = reading.collect();
    tell(here, Message::Ready);
    conduct(here, prepared).await;
    for task in reading.into_iter().chain(kept) {
        task.await;
    }
    tell(here, Message::Done(Box::new(account(here))));
}

/// Waits for the begin, then runs the producers to their end.
async fn conduct(here: &Rc<Here>, prepared: Vec<Prepared>) {
    while here.control.begin.load(Ordering::Acquire) == 0 {
        if here.producers_stop() {
            return tell(here, Message::ProducersDone);
        }
        tasks::sleep_until(Duration::from_nanos(now()) + LOOK).await;
    }
    let begin = here.control.begin.load(Ordering::Acquire);
    tasks::spawn(report_intervals(Rc::clone(here), begin)).detach();
    tasks::sleep_until(Duration::from_nanos(begin)).await;
    let running: Vec<_> = prepared
        .into_iter()
        .map(|producer| tasks::spawn(producer.run()))
        .collect();
    for producer in running {
        producer.await;
    }
    tell(here, Message::ProducersDone);
}

async fn report_intervals(here: Rc<Here>, begin: u64) {
    for number in 0.. {
        let end = begin + (number + 1) * INTERVAL_NANOS;
        tasks::sleep_until(Duration::from_nanos(end)).await;
        let interval = Box::new(here.interval.take());
        tell(&here, Message::Interval { number, interval });
    }
}

fn account(here: &Here) -> Account {
    Account {
        series: here.series.take(),
        counts: here.counts.take(),
        failures: here.failures.take(),
        promises: here.promises.take(),
        receipts: here.receipts.take(),
        damaged: here.damaged.get(),
        readers_failed: here.readers_failed.get(),
        last: here.last.get(),
    }
}

fn tell(here: &Here, message: Message) {
    // The conductor is gone only when nobody listens any more.
    drop(here.out.send(message));
}
