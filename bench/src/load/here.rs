//! What the tasks of one thread share: its ring, its counts, its part of the account. Shell.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use storage::ring::Ring;

use super::ledger::{Promises, Receipts};
use super::plan::{Control, Setup};
use super::pool::Pool;
use super::worker::Message;
use crate::measure::failures::Failures;
use crate::measure::interval::{Counts, Interval, Series};

pub(crate) struct Here {
    pub(crate) ring: Ring,
    pub(crate) setup: Arc<Setup>,
    pub(crate) control: Arc<Control>,
    pub(crate) pool: RefCell<Pool>,
    pub(crate) interval: RefCell<Interval>,
    /// What was measured so far: latencies by intended start, counts by the time of the event.
    pub(crate) series: RefCell<Series>,
    pub(crate) counts: RefCell<Counts>,
    pub(crate) failures: RefCell<Failures>,
    pub(crate) promises: RefCell<Promises>,
    pub(crate) receipts: RefCell<Receipts>,
    /// All values are long enough to be found again.
    pub(crate) all_stamped: bool,
    /// A consumer ended before its time.
    pub(crate) readers_failed: Cell<bool>,
    /// Records that were changed on the way.
    pub(crate) damaged: Cell<u64>,
    /// When the last record was acknowledged or read.
    pub(crate) last: Cell<u64>,
    pub(crate) out: Sender<Message>,
}

impl fmt::Debug for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Here")
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}

impl Here {
    pub(crate) fn new(
        ring: Ring,
        setup: Arc<Setup>,
        control: Arc<Control>,
        out: Sender<Message>,
    ) -> Rc<Self> {
        let pool = Pool::new(&setup.workload);
        Rc::new(Self {
            ring,
            all_stamped: pool.all_stamped(),
            pool: pool.into(),
            readers_failed: Cell::new(false),
            setup,
            control,
            interval: RefCell::default(),
            series: RefCell::default(),
            counts: RefCell::default(),
            failures: RefCell::default(),
            promises: RefCell::default(),
            receipts: RefCell::default(),
            damaged: Cell::new(0),
            last: Cell::new(0),
            out,
        })
    }

    /// Counts what happens now.
    pub(crate) fn count(&self, at: u64, add: impl Fn(&mut Counts)) {
        add(&mut self.interval.borrow_mut().counts);
        if self.control.is_measured(at) {
            add(&mut self.counts.borrow_mut());
        }
    }

    /// Records latencies of what was due at `intended`.
    pub(crate) fn record(&self, intended: u64, record: impl Fn(&mut Series)) {
        record(&mut self.interval.borrow_mut().series);
        if self.control.is_measured(intended) {
            record(&mut self.series.borrow_mut());
        }
    }

    pub(crate) fn fail(&self, why: &impl fmt::Display) {
        self.failures.borrow_mut().add(why);
        self.say(format!("error: {why}"));
    }

    /// Something that the user wants to know while the run goes on.
    pub(crate) fn say(&self, what: String) {
        // The conductor is gone only when nobody listens any more.
        drop(self.out.send(Message::Note(what)));
    }

    pub(crate) fn producers_stop(&self) -> bool {
        self.control.producers_stop.load(Ordering::Relaxed)
    }

    pub(crate) fn consumers_stop(&self) -> bool {
        self.control.consumers_stop.load(Ordering::Relaxed)
    }

    /// A moment of the monotonic clock on the wall clock, in nanoseconds since the epoch.
    pub(crate) fn on_wall(&self, at: u64) -> u64 {
        self.setup.epoch + at
    }

    pub(crate) fn consumer_failed(&self, why: &impl fmt::Display) {
        self.readers_failed.set(true);
        self.fail(&format!("a consumer: {why}"));
    }
}
