//! The receive buffers that a ring shares among its connections: the kernel takes one when bytes
//! arrive, so an idle connection holds none.
#![expect(unsafe_code, reason = "memory shared with the kernel")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

/// Size of one provided receive buffer.
pub const RECEIVE_BUFFER_BYTES: usize = BUFFER_LEN as usize;
const BUFFER_LEN: u32 = 8192;
pub(super) const GROUP: u16 = 0;
const COUNT_MAX: u16 = 1 << 15;

pub(super) struct Buffers {
    /// What the kernel reads: one entry a buffer that it may take.
    entries: NonNull<BufRingEntry>,
    memory: NonNull<u8>,
    count: u16,
    tail: Cell<u16>,
    /// Buffers that chunks hold.
    lent: Cell<u16>,
}

impl Buffers {
    /// Registers the buffers; the memory must outlive the registration, so the owner calls
    /// [`Self::unregister`] before it drops this.
    pub(super) fn register(uring: &IoUring, count: u16) -> io::Result<Self> {
        let count = count.clamp(1, COUNT_MAX).next_power_of_two();
        let (entries, memory) = (zeroed(entries_layout(count)), zeroed(memory_layout(count)));
        let buffers = Self {
            entries: entries.cast(),
            memory,
            count,
            tail: Cell::new(0),
            lent: Cell::new(0),
        };
        let address = entries.as_ptr().addr() as u64;
        // SAFETY: the entries are page-aligned, and live until they are unregistered.
        unsafe {
            uring
                .submitter()
                .register_buf_ring_with_flags(address, count, GROUP, 0)
        }?;
        for id in 0..count {
            buffers.offer(id);
        }
        Ok(buffers)
    }

    pub(super) fn unregister(&self, uring: &IoUring) -> io::Result<()> {
        uring.submitter().unregister_buf_ring(GROUP)
    }

    /// The kernel has filled a buffer and a chunk takes it.
    pub(super) fn lend(&self) {
        self.lent.set(self.lent.get() + 1);
    }

    pub(super) fn take_back(&self, id: u16) {
        self.lent.set(self.lent.get() - 1);
        self.offer(id);
    }

    pub(super) fn all_lent(&self) -> bool {
        self.lent.get() >= self.count
    }

    /// The first `len` bytes of a buffer that the caller's chunk holds.
    pub(super) fn bytes(&self, id: u16, len: usize) -> &[u8] {
        assert!(
            id < self.count && len <= RECEIVE_BUFFER_BYTES,
            "no such buffer"
        );
        // SAFETY: the buffer lies inside the memory.
        let start = unsafe { self.memory.add(usize::from(id) * RECEIVE_BUFFER_BYTES) };
        // SAFETY: zeroed at first, and the kernel does not write to a buffer that is lent.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), len) }
    }

    fn offer(&self, id: u16) {
        assert!(id < self.count, "no such buffer");
        let tail = self.tail.get();
        // SAFETY: the buffer lies inside the memory.
        let start = unsafe { self.memory.add(usize::from(id) * RECEIVE_BUFFER_BYTES) };
        // SAFETY: the index is below the count of entries.
        let mut entry = unsafe { self.entries.add(usize::from(tail & (self.count - 1))) };
        // SAFETY: initialised, and the kernel does not look at entries behind the tail.
        let entry = unsafe { entry.as_mut() };
        entry.set_addr(start.as_ptr().addr() as u64);
        entry.set_len(BUFFER_LEN);
        entry.set_bid(id);
        self.tail.set(tail.wrapping_add(1));
        self.publish_tail();
    }

    fn publish_tail(&self) {
        // SAFETY: the entries are a registered ring, whose tail lies in the first of them.
        let tail = unsafe { BufRingEntry::tail(self.entries.as_ptr()) };
        // SAFETY: aligned, valid, and from here on only accessed atomically.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail.get(), Ordering::Release);
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout; the kernel no longer knows it.
        unsafe { dealloc(self.entries.as_ptr().cast(), entries_layout(self.count)) };
        // SAFETY: as above.
        unsafe { dealloc(self.memory.as_ptr(), memory_layout(self.count)) };
    }
}

fn entries_layout(count: u16) -> Layout {
    layout(usize::from(count) * size_of::<BufRingEntry>())
}

fn memory_layout(count: u16) -> Layout {
    layout(usize::from(count) * RECEIVE_BUFFER_BYTES)
}

#[expect(clippy::expect_used, reason = "at most 256 MiB, and a power of two")]
fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 4096).expect("a valid layout")
}

fn zeroed(layout: Layout) -> NonNull<u8> {
    // SAFETY: the layout's size is not zero.
    let start = unsafe { alloc_zeroed(layout) };
    NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout))
}
