//! Waking a ring's thread from another thread. Only a sleeping target costs a system call.
//!
//! The target is awake, sleeping or notified. A notification that meets an awake target leaves a
//! mark, and the target does not go to sleep over a mark. Whoever notifies has put its message
//! in place before; the target takes the mark away before it looks for messages: so either it
//! sees the message, or the notification sees it asleep.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering, fence};
use std::{fmt, io};

use super::sys;

const AWAKE: u8 = 0;
const SLEEPING: u8 = 1;
const NOTIFIED: u8 = 2;

// Written by several threads, so alone on its cache lines.
#[repr(align(128))]
struct Wake {
    state: AtomicU8,
    event: File,
    /// A descriptor of its own, so that it cannot come to mean another ring.
    ring: OwnedFd,
}

/// Wakes a ring's thread; cheap to clone, for any thread.
#[derive(Clone)]
pub struct Notifier(Arc<Wake>);

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notifier")
            .field(&self.0.ring.as_raw_fd())
            .finish()
    }
}

impl PartialEq for Notifier {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Notifier {
    pub(super) fn new(ring: BorrowedFd<'_>) -> io::Result<Self> {
        let event = File::from(sys::eventfd()?);
        let ring = ring.try_clone_to_owned()?;
        Ok(Self(Arc::new(Wake {
            state: AtomicU8::new(AWAKE),
            event,
            ring,
        })))
    }

    /// Makes the ring's thread run a turn: at once when it sleeps, else after the present one.
    pub fn notify(&self) {
        if self.mark() {
            self.write_event();
        }
    }

    /// Leaves the mark; true when the target sleeps and must be woken by the caller.
    pub(super) fn mark(&self) -> bool {
        fence(Ordering::SeqCst);
        if self.0.state.load(Ordering::Relaxed) == NOTIFIED {
            return false;
        }
        self.0.state.swap(NOTIFIED, Ordering::SeqCst) == SLEEPING
    }

    #[expect(
        clippy::expect_used,
        reason = "an 8-byte write to an eventfd that is never full"
    )]
    pub(super) fn write_event(&self) {
        (&self.0.event)
            .write_all(&1_u64.to_ne_bytes())
            .expect("an eventfd takes a 1");
    }

    /// By the ring's thread: false when there is a mark.
    pub(super) fn fall_asleep(&self) -> bool {
        let state = &self.0.state;
        state
            .compare_exchange(AWAKE, SLEEPING, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// By the ring's thread, before it looks for messages.
    pub(super) fn wake_up(&self) {
        self.0.state.swap(AWAKE, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }

    pub(super) fn ring_fd(&self) -> RawFd {
        self.0.ring.as_raw_fd()
    }
}
