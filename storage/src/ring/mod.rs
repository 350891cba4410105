//! One thread's io_uring: files, sockets, wake-ups. Shell.
//!
//! Operations are futures. Whatever the kernel uses belongs to the ring until the completion
//! arrives (see `action`), so dropping a future is always safe. A simulation may take the place of
//! the kernel (see `simulator`): files only, on a disk that it makes up.

mod accept;
mod action;
mod buffers;
mod error;
mod features;
mod files;
mod kernel;
mod notify;
mod plain;
mod receive;
mod simulator;
mod slots;
mod sockets;
mod sys;
#[cfg(test)]
mod tests;
mod vectors;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

pub use self::accept::AcceptStream;
pub use self::buffers::RECEIVE_BUFFER_BYTES;
pub use self::error::RingError;
pub use self::features::{Fallback, Feature, RingFeatures};
pub use self::files::{File, FileOptions, WriteSync};
pub use self::notify::Notifier;
pub use self::plain::{DirEntry, FileInfo};
pub use self::receive::{Receiver, RecvChunk};
pub use self::simulator::{Request, Simulator};
pub use self::sockets::{Listener, Socket};
pub use self::vectors::SendPart;

use self::action::{Action, SocketAction, Yields};
use self::buffers::Buffers;
use self::files::Handle;
use self::kernel::Kernel;
use self::slots::{Completion, Effect, OpId, Slots};
use self::vectors::Outgoing;

#[derive(Debug, Clone)]
pub struct RingOptions {
    /// Submission queue length; four times as many completions.
    pub entries: u32,
    /// Receive buffers of [`RECEIVE_BUFFER_BYTES`], shared by all connections of the ring.
    pub small_buffers: u16,
    pub fallback: Fallback,
}

impl Default for RingOptions {
    fn default() -> Self {
        Self {
            entries: 1024,
            small_buffers: 256,
            fallback: Fallback::NONE,
        }
    }
}

/// Who carries the operations out.
#[expect(
    clippy::large_enum_variant,
    reason = "one a ring, and the large one is the usual one"
)]
enum Driver {
    Kernel(Kernel),
    Simulated(Rc<dyn Simulator>),
}

/// A ring, for the thread that made it; clones are handles to the same one.
#[derive(Clone)]
pub struct Ring(Rc<Inner>);

struct Inner {
    driver: Driver,
    slots: RefCell<Slots>,
    /// Memory for completions between the kernel's queue and their tasks.
    batch: Cell<Vec<(u64, Completion)>>,
    #[expect(clippy::vec_box, reason = "the boxes move into operations and back")]
    outgoing: RefCell<Vec<Box<Outgoing>>>,
    buffers: Option<Buffers>,
    notifier: Notifier,
    /// Rings that got messages from this one.
    peers: RefCell<Vec<Notifier>>,
    features: RingFeatures,
    event_armed: Cell<bool>,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.0.slots.try_borrow().map(|slots| slots.len()).ok();
        f.debug_struct("Ring")
            .field("operations", &operations)
            .finish_non_exhaustive()
    }
}

impl Ring {
    /// Makes a ring for this thread.
    ///
    /// # Errors
    /// Says what forbids it and how to allow it.
    pub fn new(options: &RingOptions) -> Result<Self, RingError> {
        let (kernel, features, buffers) = Kernel::new(options)?;
        let notifier = kernel.with_fd(Notifier::new);
        let notifier = notifier.map_err(RingError::from_setup)?;
        Ok(Self::with(
            Driver::Kernel(kernel),
            notifier,
            features,
            buffers,
        ))
    }

    /// Makes a ring whose files are a simulation's. It has no sockets.
    ///
    /// # Errors
    /// There is no descriptor left for its notifier.
    pub fn simulated(simulator: Rc<dyn Simulator>) -> io::Result<Self> {
        let notifier = Notifier::new(sys::eventfd()?.as_fd())?;
        let features = RingFeatures::of_files();
        let driver = Driver::Simulated(simulator);
        Ok(Self::with(driver, notifier, features, None))
    }

    fn with(
        driver: Driver,
        notifier: Notifier,
        features: RingFeatures,
        buffers: Option<Buffers>,
    ) -> Self {
        Self(Rc::new(Inner {
            driver,
            slots: RefCell::default(),
            batch: Cell::default(),
            outgoing: RefCell::default(),
            buffers,
            notifier,
            peers: RefCell::default(),
            features,
            event_armed: Cell::new(false),
        }))
    }

    /// Keeps a file open, and with it a lock on it, as long as the kernel has an operation of this
    /// ring under way: also beyond a kill of the process, until the last write has landed.
    ///
    /// # Errors
    /// As `io_uring_register(2)`; a ring holds one file only.
    pub fn hold(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        match &self.0.driver {
            Driver::Kernel(kernel) => kernel.hold(file),
            Driver::Simulated(_) => Ok(()),
        }
    }

    /// What the ring uses of the kernel.
    pub fn features(&self) -> RingFeatures {
        self.0.features
    }

    /// Wakes this ring's thread.
    pub fn notifier(&self) -> Notifier {
        self.0.notifier.clone()
    }

    /// Wakes another ring's thread, with this ring's next submission where the kernel can do that.
    pub fn notify_ring(&self, target: &Notifier) {
        if !target.mark() {
            return;
        }
        if self.0.features.has(Feature::MsgRing) {
            self.0.send_message(target);
        } else {
            target.write_event();
        }
    }

    /// Hands the operations started so far to the kernel, and lets it deliver completions.
    pub fn submit(&self) {
        self.0.submit(0, None);
    }

    /// Handles the completions that are there: wakes their tasks. Returns how many there were.
    pub fn reap(&self) -> usize {
        self.0.reap()
    }

    /// Submits, then sleeps until there is a completion, a notification, or the time is over.
    pub fn wait(&self, timeout: Option<Duration>) {
        let inner = &*self.0;
        if let Driver::Simulated(simulator) = &inner.driver {
            return simulator.pass(timeout);
        }
        if !inner.event_armed.replace(true) {
            let notifier = inner.notifier.clone();
            inner.start(
                Action::ReadEvent {
                    notifier,
                    into: Box::new(0),
                },
                true,
            );
        }
        if timeout == Some(Duration::ZERO) || !inner.notifier.fall_asleep() {
            inner.submit(0, None);
        } else {
            inner.submit(1, timeout);
        }
        inner.notifier.wake_up();
    }

    /// Starts an operation.
    fn run(&self, action: Action) -> Op {
        let id = self.0.start(action, false);
        Op {
            ring: self.clone(),
            id,
            over: false,
        }
    }
}

impl Inner {
    fn start(&self, action: Action, abandoned: bool) -> OpId {
        let late = action.waits_for_others();
        let mut slots = self.slots.borrow_mut();
        let (id, action) = slots.insert(action, abandoned);
        match &self.driver {
            Driver::Kernel(kernel) => {
                kernel.begin(action.entry().user_data(id.user_data()), late);
            }
            Driver::Simulated(simulator) => simulator.begin(id.user_data(), &action.request()),
        }
        id
    }

    fn send_message(&self, target: &Notifier) {
        let mut peers = self.peers.borrow_mut();
        let known = peers.iter().position(|peer| peer == target);
        let index = known.unwrap_or_else(|| {
            peers.push(target.clone());
            peers.len() - 1
        });
        match &self.driver {
            Driver::Kernel(kernel) => kernel.send_message(target.ring_fd(), index),
            Driver::Simulated(_) => target.write_event(),
        }
    }

    fn cancel(&self, id: OpId) {
        if let Driver::Kernel(kernel) = &self.driver {
            kernel.cancel(id);
        }
    }

    fn submit(&self, want: usize, timeout: Option<Duration>) {
        match &self.driver {
            Driver::Kernel(kernel) => kernel.submit(want, timeout),
            Driver::Simulated(simulator) => simulator.pass(Some(Duration::ZERO)),
        }
    }

    fn reap(&self) -> usize {
        let mut batch = self.batch.take();
        match &self.driver {
            Driver::Kernel(kernel) => kernel.take_completions(&mut batch),
            Driver::Simulated(simulator) => self.complete_due(&**simulator, &mut batch),
        }
        let count = batch.len();
        for (user_data, completion) in batch.drain(..) {
            let effect = self.slots.borrow_mut().complete(user_data, completion);
            match effect {
                Effect::Nothing | Effect::Wake(None) => {}
                Effect::Wake(Some(waker)) => waker.wake(),
                Effect::MessageFailed(index) => self.peers.borrow()[index].write_event(),
                Effect::Dispose(yields, completion, action) => {
                    self.dispose(yields, completion);
                    self.finish(action);
                }
            }
        }
        self.batch.set(batch);
        count
    }

    /// Lets the simulation carry out what is due.
    fn complete_due(&self, simulator: &dyn Simulator, batch: &mut Vec<(u64, Completion)>) {
        while let Some(user_data) = simulator.next_due() {
            let mut slots = self.slots.borrow_mut();
            let result = simulator.complete(user_data, slots.action(user_data).request());
            batch.push((user_data, Completion { result, flags: 0 }));
        }
    }

    /// The end of an operation that no future waits for.
    fn finish(&self, action: Option<Action>) {
        match action {
            Some(Action::ReadEvent { .. }) => self.event_armed.set(false),
            Some(Action::Socket(SocketAction::Send { from, .. })) => self.reuse(from),
            Some(_) | None => {}
        }
    }

    /// Gives back what a completion brought to nobody.
    fn dispose(&self, yields: Yields, completion: Completion) {
        match yields {
            Yields::Count => {}
            Yields::Descriptor => {
                if completion.result >= 0 {
                    drop(self.handle(completion.result));
                }
            }
            Yields::Buffer => {
                let id = io_uring::cqueue::buffer_select(completion.flags);
                if let (Some(buffers), Some(id)) = (&self.buffers, id) {
                    buffers.lend();
                    buffers.take_back(id);
                }
            }
        }
    }

    /// What an open gave.
    fn handle(&self, result: i32) -> Handle {
        match &self.driver {
            Driver::Kernel(_) => Handle::Kernel(Arc::new(sys::own(result))),
            Driver::Simulated(_) => Handle::Simulated(result),
        }
    }

    fn abandon(&self, id: OpId) {
        let abandoned = self.slots.borrow_mut().abandon(id);
        for completion in &abandoned.arrived {
            self.dispose(abandoned.yields, *completion);
        }
        if abandoned.cancel {
            self.cancel(id);
        }
    }

    fn outgoing(&self) -> Box<Outgoing> {
        self.outgoing
            .borrow_mut()
            .pop()
            .unwrap_or_else(|| Box::new(Outgoing::new()))
    }

    fn reuse(&self, mut outgoing: Box<Outgoing>) {
        const KEPT_MAX: usize = 1024;
        outgoing.clear();
        let mut kept = self.outgoing.borrow_mut();
        if kept.len() < KEPT_MAX {
            kept.push(outgoing);
        }
    }
}

impl Drop for Inner {
    /// Cancels what may wait for ever and waits for the rest, so that the kernel no longer uses
    /// the memory that goes with the slots.
    fn drop(&mut self) {
        let Driver::Kernel(kernel) = &self.driver else {
            return;
        };
        let ids: Vec<OpId> = self.slots.borrow().ids().collect();
        for id in ids {
            self.cancel(id);
        }
        while self.slots.borrow().len() > 0 {
            self.submit(1, None);
            self.reap();
        }
        if let Some(buffers) = &self.buffers
            && let Err(error) = kernel.unregister(buffers)
        {
            tracing::error!("the receive buffers stay registered: {error}");
        }
    }
}

/// A single operation under way.
struct Op {
    ring: Ring,
    id: OpId,
    over: bool,
}

impl Future for Op {
    type Output = (io::Result<usize>, Completion, Action);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.ring.0.slots.borrow_mut().poll(self.id, context);
        polled.map(|(completion, action)| {
            self.over = true;
            (count(completion), completion, action)
        })
    }
}

impl Drop for Op {
    fn drop(&mut self) {
        if !self.over {
            self.ring.0.abandon(self.id);
        }
    }
}

/// A completion's result as a count, or the error that it stands for.
fn count(completion: Completion) -> io::Result<usize> {
    usize::try_from(completion.result)
        .map_err(|_| io::Error::from_raw_os_error(completion.result.saturating_neg()))
}

/// Errors that only mean "once more".
fn is_transient(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN))
}

/// Counts `count` bytes that the kernel put behind the extent's length, of `asked`.
#[expect(unsafe_code, reason = "the length of memory that the kernel fills")]
fn grow(extent: &mut crate::extent::ExtentWriter, count: usize, asked: u32) {
    assert!(
        count <= asked as usize,
        "the kernel gave more than was asked for"
    );
    let len = extent.len() + count;
    // SAFETY: the kernel has written these bytes.
    unsafe { extent.set_len(len) };
}
