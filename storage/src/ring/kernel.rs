//! The kernel's side of a ring: the queue of submissions, and the completions as they come. Shell.
//!
//! Socket operations are submitted after the file operations of the same turn, in a call of their
//! own: the kernel starts a journal write only when the call that submits it ends.
#![expect(
    unsafe_code,
    reason = "entries are pushed to a queue that the kernel reads"
)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use io_uring::{IoUring, opcode, squeue, types};

use super::buffers::Buffers;
use super::features::{self, Feature, RingFeatures};
use super::slots::{self, Completion, NO_SLOT, OpId};
use super::{RingError, RingOptions};

pub(super) struct Kernel {
    uring: RefCell<IoUring>,
    /// Socket operations of this turn.
    late: RefCell<VecDeque<squeue::Entry>>,
    /// Completions taken from the kernel's queue because it was full.
    taken: RefCell<Vec<(u64, Completion)>>,
    timed_wait: bool,
}

impl Kernel {
    /// Sets a ring up, with its receive buffers where the kernel has such.
    pub(super) fn new(
        options: &RingOptions,
    ) -> Result<(Self, RingFeatures, Option<Buffers>), RingError> {
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
        let kernel = Self {
            uring: RefCell::new(uring),
            late: RefCell::default(),
            taken: RefCell::default(),
            timed_wait: features.has(Feature::TimedWait),
        };
        Ok((kernel, features, buffers))
    }

    /// The ring's descriptor, for a moment.
    pub(super) fn with_fd<T>(&self, work: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        let uring = self.uring.borrow();
        // SAFETY: the ring's descriptor is open as long as `uring`.
        work(unsafe { BorrowedFd::borrow_raw(uring.as_raw_fd()) })
    }

    pub(super) fn hold(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        let uring = self.uring.borrow();
        uring.submitter().register_files(&[file.as_raw_fd()])
    }

    pub(super) fn unregister(&self, buffers: &Buffers) -> io::Result<()> {
        buffers.unregister(&self.uring.borrow())
    }

    /// Queues an operation; a late one goes after the file operations of the turn.
    pub(super) fn begin(&self, entry: squeue::Entry, late: bool) {
        if late {
            self.late.borrow_mut().push_back(entry);
        } else {
            self.push(&entry);
        }
    }

    /// A message to another ring. Completes only when it fails, so that this thread is not woken
    /// for it.
    pub(super) fn send_message(&self, ring_fd: i32, peer: usize) {
        let entry = opcode::MsgRingData::new(types::Fd(ring_fd), 0, NO_SLOT, None).build();
        let entry = entry
            .flags(squeue::Flags::SKIP_SUCCESS)
            .user_data(slots::message(peer));
        self.late.borrow_mut().push_back(entry);
    }

    // A cancellation always goes behind its operation: that is already submitted, or in the
    // submission queue, which goes first, or before it in the late queue.
    pub(super) fn cancel(&self, id: OpId) {
        let entry = opcode::AsyncCancel::new(id.user_data())
            .build()
            .user_data(NO_SLOT);
        self.late.borrow_mut().push_back(entry);
    }

    /// Hands everything to the kernel, and sleeps when completions are wanted and none is there.
    pub(super) fn submit(&self, want: usize, timeout: Option<Duration>) {
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

    /// Moves the completions that are there to the end of `batch`.
    pub(super) fn take_completions(&self, batch: &mut Vec<(u64, Completion)>) {
        batch.append(&mut self.taken.borrow_mut());
        batch.extend(self.uring.borrow_mut().completion().map(|entry| {
            let completion = Completion {
                result: entry.result(),
                flags: entry.flags(),
            };
            (entry.user_data(), completion)
        }));
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

    /// Enters the kernel, when there is a reason to.
    fn enter(&self, want: usize, timeout: Option<Duration>) {
        let mut uring = self.uring.borrow_mut();
        let completions = !uring.completion().is_empty() || !self.taken.borrow().is_empty();
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
                let mut taken = self.taken.take();
                self.take_completions(&mut taken);
                self.taken.replace(taken);
            }
            Some(_) | None => panic!("io_uring_enter: {error}"),
        }
    }

    fn enter_timed(&self, uring: &mut IoUring, timeout: Duration) -> io::Result<usize> {
        let timespec = types::Timespec::new()
            .sec(timeout.as_secs())
            .nsec(timeout.subsec_nanos());
        if self.timed_wait {
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
}
