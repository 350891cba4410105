//! One coordinator partition that serves: its machine, its log and its timer. Shell.
//!
//! The step of every coordinator request: decide, replay, append, wait, answer. All but the wait
//! happens at once, so decisions are in the log in the order in which they were made.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::records::{BatchHeader, BatchOptions, ValidBatch};
use storage::clock;
use storage::tasks::Task;

use super::Coordinated;
use super::batches::batches;
use super::machine::{Decision, EncodedRecord, Machine, Now, Replay, Transaction};
use crate::partition::Partition;
use crate::shard::{Shard, append_order};

/// What clients are told when the log of a coordinator is out of service: Kafka's answer to a
/// storage error, which has them look for the coordinator again.
const OUT_OF_SERVICE: ErrorCode = ErrorCode::NotCoordinator;

/// See the module.
pub(crate) struct Running<M: Machine> {
    index: i32,
    partition: Rc<Partition>,
    machine: RefCell<M>,
    /// It was given up: after a failed append, or because its topic is gone.
    has_ended: Cell<bool>,
    alarm: Alarm,
}

impl<M: Machine> std::fmt::Debug for Running<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

/// Records that are in the log, not durable yet.
type Written = Detached<Result<(), ErrorCode>>;

impl<M: Coordinated> Running<M> {
    pub(super) fn start(
        shard: &Rc<Shard>,
        index: i32,
        partition: Rc<Partition>,
        mut machine: M,
    ) -> Rc<Self> {
        machine.loaded(now(), &shard.image());
        let running = Rc::new(Self {
            index,
            partition,
            machine: RefCell::new(machine),
            has_ended: Cell::new(false),
            alarm: Alarm::default(),
        });
        storage::tasks::spawn(keep_time(Rc::clone(shard), Rc::clone(&running))).detach();
        running
    }

    /// Decides, and returns the response once all that was decided is durable. A decision without
    /// records is answered at once. What was decided happens even if nobody waits for it.
    ///
    /// # Errors
    /// The log is out of service, or the records are too large for it.
    pub(crate) async fn write<R>(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        decide: impl FnOnce(&mut M, Now) -> Decision<M, R>,
    ) -> Result<R, ErrorCode> {
        if self.has_ended.get()
            || shard.store.is_failed()
            || !shard.store.has_reserve(RECORDS_BYTES)
        {
            return Err(OUT_OF_SERVICE);
        }
        let now = now();
        let decision = decide(&mut self.machine.borrow_mut(), now);
        let written = self.take_up(shard, decision.records, decision.transaction, {
            (now.wall_ms, decision.is_divisible)
        });
        let deadline = self.machine.borrow_mut().next_deadline();
        self.alarm.set(deadline);
        let Some(written) = written else {
            carry_out::<M>(shard, decision.effects);
            return Ok(decision.response);
        };
        if decision.effects.is_empty() {
            written?.await?;
            return Ok(decision.response);
        }
        let (shard, effects) = (Rc::clone(shard), decision.effects);
        let done = Detached::run(async move {
            let durable = match written {
                Ok(written) => written.await,
                Err(error) => Err(error),
            };
            let effects = match durable {
                Ok(()) => effects,
                Err(_) => effects.into_iter().filter_map(M::undone).collect(),
            };
            carry_out::<M>(&shard, effects);
            durable
        });
        done.await?;
        Ok(decision.response)
    }

    /// Looks at the state, and returns what it saw once all of that is durable.
    ///
    /// # Errors
    /// The log is out of service.
    pub(crate) async fn read<R>(
        &self,
        shard: &Rc<Shard>,
        look: impl FnOnce(&M) -> R,
    ) -> Result<R, ErrorCode> {
        if self.has_ended.get() {
            return Err(OUT_OF_SERVICE);
        }
        let seen = look(&self.machine.borrow());
        let end = end_of_log(shard, &self.partition).await;
        let durable = self.partition.high_watermark().wait_for(end).await;
        durable.map(|()| seen).map_err(|_| OUT_OF_SERVICE)
    }

    /// The marker of a transaction is in this partition.
    pub(super) fn end_transaction(&self, transaction: Transaction, committed: bool) {
        self.machine
            .borrow_mut()
            .end_transaction(transaction, committed);
    }

    /// Serves no more; whoever waits is told.
    pub(super) fn end(&self, shard: &Rc<Shard>) {
        if self.has_ended.replace(true) {
            return;
        }
        let effects = self.machine.borrow_mut().abandon();
        carry_out::<M>(shard, effects);
        self.alarm.ring();
    }

    /// Replays records and appends them; `None` when there are none.
    fn take_up(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        records: Vec<M::Record>,
        transaction: Option<Transaction>,
        (wall_ms, is_divisible): (i64, bool),
    ) -> Option<Result<Written, ErrorCode>> {
        if records.is_empty() {
            return None;
        }
        let encoded: Vec<EncodedRecord> = records.iter().map(M::encode).collect();
        let bytes_max = self.partition.log().config().max_message_bytes;
        let options = batch_options(transaction);
        let batches = match batches(&encoded, options, wall_ms, bytes_max, is_divisible) {
            Ok(batches) => batches,
            Err(error) => {
                let partition = self.partition.log().id();
                tracing::warn!(%partition, "a coordinator's records are refused: {error}");
                return Some(Err(ErrorCode::UnknownServerError));
            }
        };
        let mut machine = self.machine.borrow_mut();
        for record in records {
            machine.replay(record, transaction, Replay::Live);
        }
        drop(machine);
        Some(Ok(self.append(shard, batches, wall_ms)))
    }

    fn append(self: &Rc<Self>, shard: &Rc<Shard>, batches: Vec<Bytes>, wall_ms: i64) -> Written {
        let bytes = batches.iter().map(Bytes::len).sum();
        let partition = Rc::clone(&self.partition);
        let entered = append_order::enter(shard, bytes, move |_| {
            let last = append_all(&partition, &batches, wall_ms);
            async move {
                let durable = partition.high_watermark().wait_for(last? + 1).await;
                durable.map_err(|_| ErrorCode::KafkaStorageError)
            }
        });
        let (running, shard) = (Rc::clone(self), Rc::clone(shard));
        Detached::run(async move {
            let durable = entered.await;
            if let Err(error) = durable {
                // the state is ahead of the log: it is read again, or stays out of service
                let partition = running.partition.log().id();
                tracing::error!(%partition, ?error, "a coordinator could not write and is unloaded");
                M::coordinators(&shard).forget(running.index, &running);
                running.end(&shard);
                return Err(OUT_OF_SERVICE);
            }
            Ok(())
        })
    }
}

/// Appends batches; the offset of the last record.
fn append_all(partition: &Partition, batches: &[Bytes], wall_ms: i64) -> Result<i64, ErrorCode> {
    let mut last = -1;
    for batch in batches {
        let header = BatchHeader::parse(batch).map_err(|_| ErrorCode::CorruptMessage)?;
        let valid = ValidBatch {
            header,
            rewrite: None,
        };
        last = partition.append(batch, &valid, wall_ms)?.last_offset;
    }
    Ok(last)
}

/// The end of a log with all that was decided so far: what waits for room in the journal enters
/// before it is told.
pub(super) async fn end_of_log(shard: &Rc<Shard>, partition: &Rc<Partition>) -> i64 {
    let partition = Rc::clone(partition);
    let end = move |_: &Rc<Shard>| std::future::ready(partition.log().end_offset());
    append_order::enter(shard, 0, end).await
}

fn batch_options(transaction: Option<Transaction>) -> BatchOptions {
    let Some(transaction) = transaction else {
        return BatchOptions::default();
    };
    BatchOptions {
        producer_id: transaction.producer_id,
        producer_epoch: transaction.producer_epoch,
        is_transactional: true,
        ..BatchOptions::default()
    }
}

fn carry_out<M: Coordinated>(shard: &Rc<Shard>, effects: Vec<M::Effect>) {
    for effect in effects {
        M::carry_out(shard, effect);
    }
}

pub(super) fn now() -> Now {
    Now {
        wall_ms: clock::now_ms(),
        monotonic: clock::monotonic(),
    }
}

/// Lets the machine do what is due.
async fn keep_time<M: Coordinated>(shard: Rc<Shard>, running: Rc<Running<M>>) {
    while !running.has_ended.get() {
        let deadline = running.machine.borrow_mut().next_deadline();
        running.alarm.until(deadline).await;
        if deadline.is_some_and(|deadline| deadline <= clock::monotonic()) {
            let image = shard.image();
            let expired = running.write(&shard, |machine, now| machine.expire(now, &image));
            if expired.await.is_err() {
                storage::tasks::sleep(RETRY).await;
            }
        }
    }
}

/// Room that the records of any decision but the largest find.
const RECORDS_BYTES: usize = 64 * 1024;

/// How long a machine whose log takes nothing waits before it tries again.
const RETRY: Duration = Duration::from_secs(1);

/// Wakes the timer's task when a deadline comes before the one that it sleeps for.
#[derive(Debug, Default)]
struct Alarm {
    sleeps_until: Cell<Option<Duration>>,
    sleeper: RefCell<Option<Waker>>,
}

impl Alarm {
    fn set(&self, deadline: Option<Duration>) {
        let Some(deadline) = deadline else { return };
        let is_earlier = self
            .sleeps_until
            .get()
            .is_none_or(|planned| deadline < planned);
        if is_earlier {
            self.ring();
        }
    }

    fn ring(&self) {
        if let Some(sleeper) = self.sleeper.take() {
            sleeper.wake();
        }
    }

    /// Waits until a deadline, or until [`Alarm::set`] has an earlier one.
    async fn until(&self, deadline: Option<Duration>) {
        self.sleeps_until.set(deadline);
        let rung = self.rung();
        if let Some(deadline) = deadline {
            let time = deadline.saturating_sub(clock::monotonic());
            let (Ok(()) | Err(storage::tasks::Elapsed)) = storage::tasks::timeout(time, rung).await;
        } else {
            rung.await;
        }
    }

    async fn rung(&self) {
        let mut waited = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) && self.sleeper.borrow().is_none() {
                return Poll::Ready(());
            }
            *self.sleeper.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// A task that runs to its end also when nobody waits for it any more.
#[derive(Debug)]
struct Detached<T>(Option<Task<T>>);

impl<T: 'static> Detached<T> {
    fn run(future: impl Future<Output = T> + 'static) -> Self {
        Self(Some(storage::tasks::spawn(future)))
    }
}

impl<T> Future for Detached<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            Some(task) => Pin::new(task).poll(context),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for Detached<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}
