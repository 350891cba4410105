//! One thread's io_uring: files, sockets, wake-ups. Shell.
//!
//! Operations are futures. Whatever the kernel uses belongs to the ring until the completion
//! arrives (see `action`), so dropping a future is always safe. Socket operations are submitted
//! after the file operations of the same turn, in a call of their own: the kernel starts a
//! journal write only when the call that submits it ends.
#![expect(
    unsafe_code,
    reason = "entries are pushed to a queue that the kernel reads"
)]

mod accept;
mod action;
mod buffers;
mod error;
mod features;
mod files;
mod notify;
mod receive;
mod slots;
mod sockets;
mod sys;
#[cfg(test)]
mod tests;
mod vectors;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use io_uring::{IoUring, opcode, squeue, types};

pub use self::accept::AcceptStream;
pub use self::buffers::RECEIVE_BUFFER_BYTES;
pub use self::error::RingError;
pub use self::features::{Fallback, Feature, RingFeatures};
pub use self::files::{File, FileOptions, WriteSync};
pub use self::notify::Notifier;
pub use self::receive::{Receiver, RecvChunk};
pub use self::sockets::{Listener, Socket};
pub use self::vectors::SendPart;

use self::action::{Action, SocketAction, Yields};
use self::buffers::Buffers;
use self::slots::{Completion, Effect, NO_SLOT, OpId, Slots};
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

/// A ring, for the thread that made it; clones are handles to the same one.
#[derive(Clone)]
pub struct Ring(Rc<Inner>);

struct Inner {
    uring: RefCell<IoUring>,
    slots: RefCell<Slots>,
    /// Socket operations of this turn.
    late: RefCell<VecDeque<squeue::Entry>>,
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
        let (uring, mut features) = features::set_up(options.entries, options.fallback)?;
        let mut buffers = None;
        if features.has(Feature::MultishotReceive) {
            match Buffers::register(&uring, options.small_buffers) {
                Ok(registered) => buffers = Some(registered),
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    features = features.without(Feature::MultishotReceive);
                }
                Err(error) => return Err(RingError::from_setup(error)),
            }
        }
        // SAFETY: the ring's descriptor is open as long as `uring`.
        let fd = unsafe { BorrowedFd::borrow_raw(uring.as_raw_fd()) };
        let notifier = Notifier::new(fd.as_fd()).map_err(RingError::from_setup)?;
        Ok(Self(Rc::new(Inner {
            uring: RefCell::new(uring),
            slots: RefCell::default(),
            late: RefCell::default(),
            batch: Cell::default(),
            outgoing: RefCell::default(),
            buffers,
            notifier,
            peers: RefCell::default(),
            features,
            event_armed: Cell::new(false),
        })))
    }

    /// Keeps a file open, and with it a lock on it, as long as the kernel has an operation of this
    /// ring under way: also beyond a kill of the process, until the last write has landed.
    ///
    /// # Errors
    /// As `io_uring_register(2)`; a ring holds one file only.
    pub fn hold(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        self.0
            .uring
            .borrow()
            .submitter()
            .register_files(&[file.as_raw_fd()])
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
        let (id, entry) = self.slots.borrow_mut().insert(action, abandoned);
        if late {
            self.late.borrow_mut().push_back(entry);
        } else {
            self.push(&entry);
        }
        id
    }

    /// Completes only when it fails, so that this thread is not woken for it.
    fn send_message(&self, target: &Notifier) {
        let mut peers = self.peers.borrow_mut();
        let known = peers.iter().position(|peer| peer == target);
        let index = known.unwrap_or_else(|| {
            peers.push(target.clone());
            peers.len() - 1
        });
        let fd = types::Fd(target.ring_fd());
        let entry = opcode::MsgRingData::new(fd, 0, NO_SLOT, None).build();
        let entry = entry
            .flags(squeue::Flags::SKIP_SUCCESS)
            .user_data(slots::message(index));
        self.late.borrow_mut().push_back(entry);
    }

    // A cancellation always goes behind its operation: that is already submitted, or in the
    // submission queue, which goes first, or before it in the late queue.
    fn cancel(&self, id: OpId) {
        let entry = opcode::AsyncCancel::new(id.user_data())
            .build()
            .user_data(NO_SLOT);
        self.late.borrow_mut().push_back(entry);
    }

    fn push(&self, entry: &squeue::Entry) {
        while !self.try_push(entry) {
            self.enter(0, None);
        }
    }

    fn try_push(&self, entry: &squeue::Entry) -> bool {
        let mut uring = self.uring.borrow_mut();
        let mut queue = uring.submission();
        // SAFETY: what the entry points to belongs to its slot until the last completion.
        unsafe { queue.push(entry) }.is_ok()
    }

    fn submit(&self, want: usize, timeout: Option<Duration>) {
        if !self.late.borrow().is_empty() {
            if !self.uring.borrow_mut().submission().is_empty() {
                self.enter(0, None);
            }
            while let Some(entry) = self.late.borrow_mut().pop_front() {
                self.push(&entry);
            }
        }
        self.enter(want, timeout);
    }

    /// Enters the kernel, when there is a reason to.
    fn enter(&self, want: usize, timeout: Option<Duration>) {
        let mut uring = self.uring.borrow_mut();
        let completions = !uring.completion().is_empty();
        let want = if completions { 0 } else { want };
        let queue = uring.submission();
        if want == 0 && queue.is_empty() && !queue.taskrun() && !queue.cq_overflow() {
            return;
        }
        drop(queue);
        let entered = match timeout {
            Some(timeout) if want > 0 => self.enter_timed(&mut uring, timeout),
            Some(_) | None => uring.submitter().submit_and_wait(want),
        };
        drop(uring);
        let Err(error) = entered else { return };
        match error.raw_os_error() {
            Some(libc::EINTR | libc::ETIME) => {}
            // No memory for requests just now, or completions that nobody took.
            Some(libc::EAGAIN | libc::EBUSY) => {
                self.reap();
            }
            Some(_) | None => panic!("io_uring_enter: {error}"),
        }
    }

    fn enter_timed(&self, uring: &mut IoUring, timeout: Duration) -> io::Result<usize> {
        let timespec = types::Timespec::new()
            .sec(timeout.as_secs())
            .nsec(timeout.subsec_nanos());
        if self.features.has(Feature::TimedWait) {
            let arguments = types::SubmitArgs::new().timespec(&timespec);
            return uring.submitter().submit_with_args(1, &arguments);
        }
        // Also over with the next completion of anything else, so that none piles up.
        let entry = opcode::Timeout::new(&raw const timespec)
            .count(1)
            .build()
            .user_data(NO_SLOT);
        let mut queue = uring.submission();
        if queue.is_full() {
            drop(queue);
            return uring.submitter().submit();
        }
        // SAFETY: the kernel reads the time when it takes the entry, before `timespec` goes.
        let pushed = unsafe { queue.push(&entry) };
        drop((pushed, queue));
        uring.submitter().submit_and_wait(1)
    }

    fn reap(&self) -> usize {
        let mut batch = self.batch.take();
        batch.extend(self.uring.borrow_mut().completion().map(|entry| {
            let completion = Completion {
                result: entry.result(),
                flags: entry.flags(),
            };
            (entry.user_data(), completion)
        }));
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
                    drop(sys::own(completion.result));
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
        let ids: Vec<OpId> = self.slots.borrow().ids().collect();
        for id in ids {
            self.cancel(id);
        }
        while self.slots.borrow().len() > 0 {
            self.submit(1, None);
            self.reap();
        }
        if let Some(buffers) = &self.buffers
            && let Err(error) = buffers.unregister(&self.uring.borrow())
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
fn grow(extent: &mut crate::extent::ExtentWriter, count: usize, asked: u32) {
    assert!(
        count <= asked as usize,
        "the kernel gave more than was asked for"
    );
    let len = extent.len() + count;
    // SAFETY: the kernel has written these bytes.
    unsafe { extent.set_len(len) };
}
