//! Aligned, pooled, reference-counted memory: what arrives from a socket, waits in a log's tail
//! and goes to disk or to consumers without being copied again. Shell; the unsafe code lives here.
//!
//! A block has one writer, which appends behind `len`, and any number of slices of what lies
//! before `len`: they never overlap, so neither needs a lock. Blocks are freed on any thread and
//! return to their pool through lock-free queues; idle memory above a limit goes to the system.
#![expect(
    unsafe_code,
    reason = "raw memory shared by one appender and many readers"
)]

use std::alloc::{GlobalAlloc, Layout, System, handle_alloc_error};
use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, Range};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;

/// Alignment of every block, and of direct file I/O.
pub const PAGE_BYTES: usize = 4096;
/// 4 KiB to 2 MiB: the largest request of a client with default settings has a little above 1 MiB.
const CLASS_COUNT: usize = 10;
const CLASS_BYTES_MAX: usize = PAGE_BYTES << (CLASS_COUNT - 1);
/// Blocks of at least this size are cut from chunks that huge pages can back.
const CHUNKED_BYTES_MIN: usize = 64 << 10;
const CHUNK_BYTES: usize = 2 << 20;
const QUEUE_BLOCKS_MAX: usize = 8192;

/// Memory from the system: one block, or several cut from it. Not from the program's allocator, which
/// may hand out memory that has been touched before, and that huge pages no longer come to back.
struct Chunk {
    start: NonNull<u8>,
    layout: Layout,
    shared: Arc<Shared>,
}

// SAFETY: a chunk is plain memory; who may touch which part of it is settled by its blocks.
unsafe impl Send for Chunk {}
// SAFETY: as above.
unsafe impl Sync for Chunk {}

impl Chunk {
    fn new(bytes: usize, shared: &Arc<Shared>) -> Arc<Self> {
        let align = if bytes >= CHUNK_BYTES {
            CHUNK_BYTES
        } else {
            PAGE_BYTES
        };
        #[expect(
            clippy::expect_used,
            reason = "a power of two and a size below isize::MAX"
        )]
        let layout = Layout::from_size_align(bytes, align).expect("a valid layout");
        // SAFETY: the size is not zero.
        let start = unsafe { System.alloc(layout) };
        let Some(start) = NonNull::new(start) else {
            handle_alloc_error(layout)
        };
        if bytes >= CHUNK_BYTES && !cfg!(miri) {
            // SAFETY: the range is ours. Advice only: where huge pages are off it does nothing.
            unsafe { libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
        }
        shared.allocated_bytes.fetch_add(bytes, Ordering::Relaxed);
        Arc::new(Self {
            start,
            layout,
            shared: Arc::clone(shared),
        })
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.shared
            .allocated_bytes
            .fetch_sub(self.layout.size(), Ordering::Relaxed);
        // SAFETY: allocated with this layout, and no block of it is left.
        unsafe { System.dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// An unused block.
struct Free {
    start: NonNull<u8>,
    capacity: usize,
    chunk: Arc<Chunk>,
}

// SAFETY: nobody else has a pointer into a free block.
unsafe impl Send for Free {}

/// What a pool shares with its blocks, wherever they are.
struct Shared {
    idle_bytes_max: usize,
    idle_bytes: AtomicUsize,
    allocated_bytes: AtomicUsize,
    returned: [ArrayQueue<Free>; CLASS_COUNT],
}

impl Shared {
    fn give_back(&self, block: Free) {
        let Some(class) = class_of(block.capacity) else {
            return;
        };
        let idle = self.idle_bytes.fetch_add(block.capacity, Ordering::Relaxed);
        let refused = if idle + block.capacity > self.idle_bytes_max {
            Some(block)
        } else {
            self.returned[class].push(block).err()
        };
        if let Some(block) = refused {
            self.idle_bytes.fetch_sub(block.capacity, Ordering::Relaxed);
        }
    }
}

struct Block {
    start: NonNull<u8>,
    capacity: usize,
    /// Taken when the block goes back.
    chunk: Option<Arc<Chunk>>,
}

// SAFETY: bytes before the writer's `len` are only read; those behind it belong to the writer.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Drop for Block {
    fn drop(&mut self) {
        if let Some(chunk) = self.chunk.take() {
            let shared = Arc::clone(&chunk.shared);
            shared.give_back(Free {
                start: self.start,
                capacity: self.capacity,
                chunk,
            });
        }
    }
}

/// The class whose blocks have exactly this capacity.
fn class_of(capacity: usize) -> Option<usize> {
    let class = capacity
        .trailing_zeros()
        .checked_sub(PAGE_BYTES.trailing_zeros())? as usize;
    (capacity.is_power_of_two() && class < CLASS_COUNT).then_some(class)
}

#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// Free memory kept for reuse; what exceeds it goes back to the system.
    pub idle_bytes_max: usize,
}

/// One thread's source of extents; see the module's documentation.
#[derive(Clone)]
pub struct ExtentPool {
    shared: Arc<Shared>,
    /// Last in, first out: warm memory first. Filled from the queues when it runs out.
    free: Rc<RefCell<[Vec<Free>; CLASS_COUNT]>>,
}

impl fmt::Debug for ExtentPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtentPool")
            .field("allocated_bytes", &self.allocated_bytes())
            .finish()
    }
}

impl ExtentPool {
    #[expect(clippy::needless_pass_by_value, reason = "options are given away")]
    pub fn new(options: PoolOptions) -> Self {
        let returned = std::array::from_fn(|class| {
            let blocks = options.idle_bytes_max / (PAGE_BYTES << class);
            ArrayQueue::new(blocks.clamp(1, QUEUE_BLOCKS_MAX))
        });
        let shared = Arc::new(Shared {
            idle_bytes_max: options.idle_bytes_max,
            idle_bytes: AtomicUsize::new(0),
            allocated_bytes: AtomicUsize::new(0),
            returned,
        });
        Self {
            shared,
            free: Rc::default(),
        }
    }

    /// An empty extent of at least `bytes` capacity (a power of two up to 2 MiB, whole pages above).
    pub fn allocate(&self, bytes: usize) -> ExtentWriter {
        let free = if bytes <= CLASS_BYTES_MAX {
            self.take(class_of(bytes.next_power_of_two().max(PAGE_BYTES)).unwrap_or(0))
        } else {
            let capacity = bytes.next_multiple_of(PAGE_BYTES);
            let chunk = Chunk::new(capacity, &self.shared);
            Free {
                start: chunk.start,
                capacity,
                chunk,
            }
        };
        let block = Block {
            start: free.start,
            capacity: free.capacity,
            chunk: Some(free.chunk),
        };
        ExtentWriter {
            block: Arc::new(block),
            len: 0,
        }
    }

    /// Bytes that this pool has from the system, in use or idle.
    pub fn allocated_bytes(&self) -> usize {
        self.shared.allocated_bytes.load(Ordering::Relaxed)
    }

    fn take(&self, class: usize) -> Free {
        let mut free = self.free.borrow_mut();
        let stack = &mut free[class];
        if stack.is_empty() {
            while let Some(block) = self.shared.returned[class].pop() {
                stack.push(block);
            }
        }
        if stack.is_empty() {
            self.cut_chunk(PAGE_BYTES << class, stack);
        }
        #[expect(clippy::expect_used, reason = "cut_chunk pushes at least one block")]
        let block = stack.pop().expect("a free block");
        self.shared
            .idle_bytes
            .fetch_sub(block.capacity, Ordering::Relaxed);
        block
    }

    fn cut_chunk(&self, capacity: usize, into: &mut Vec<Free>) {
        let cut = capacity >= CHUNKED_BYTES_MIN && self.shared.idle_bytes_max >= CHUNK_BYTES;
        let bytes = if cut { CHUNK_BYTES } else { capacity };
        let chunk = Chunk::new(bytes, &self.shared);
        self.shared.idle_bytes.fetch_add(bytes, Ordering::Relaxed);
        for offset in (0..bytes).step_by(capacity).rev() {
            // SAFETY: the offset lies inside the chunk.
            let start = unsafe { chunk.start.add(offset) };
            into.push(Free {
                start,
                capacity,
                chunk: Arc::clone(&chunk),
            });
        }
    }
}

/// The unique appender of one block.
pub struct ExtentWriter {
    block: Arc<Block>,
    len: usize,
}

impl fmt::Debug for ExtentWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.capacity();
        f.debug_struct("ExtentWriter")
            .field("len", &self.len)
            .field("of", &capacity)
            .finish()
    }
}

impl ExtentWriter {
    pub fn capacity(&self) -> usize {
        self.block.capacity
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn remaining(&self) -> usize {
        self.block.capacity - self.len
    }

    /// Copies as much of `bytes` as fits and says how much that was.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.remaining());
        let to = self.spare();
        // SAFETY: `count` bytes fit behind `len`, where only this writer reads or writes.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), count) };
        self.len += count;
        count
    }

    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: bytes before `len` are initialised, and not written while slices may exist.
        unsafe { std::slice::from_raw_parts(self.block.start.as_ptr(), self.len) }
    }

    /// The bytes before `len`, to change in place.
    ///
    /// # Panics
    /// When a slice of this extent exists.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        assert!(
            Arc::get_mut(&mut self.block).is_some(),
            "the extent has slices"
        );
        // SAFETY: initialised bytes of a block that nobody else refers to.
        unsafe { std::slice::from_raw_parts_mut(self.block.start.as_ptr(), self.len) }
    }

    /// A shared view of bytes already written.
    ///
    /// # Panics
    /// When the range is not within `len`.
    pub fn slice(&self, range: Range<usize>) -> ExtentSlice {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "{range:?} of {}",
            self.len
        );
        let len = range.end - range.start;
        ExtentSlice {
            block: Arc::clone(&self.block),
            start: range.start,
            len,
            pad: 0,
        }
    }

    /// Zeroes from `len` to the end of its page, so that [`Self::padded_slice`] may cover it.
    pub fn zero_page_tail(&mut self) {
        let pad = self.len.next_multiple_of(PAGE_BYTES) - self.len;
        let to = self.spare();
        // SAFETY: capacity is whole pages, so the rest of the page lies in the block's spare part.
        unsafe { to.write_bytes(0, pad) };
    }

    /// A view of whole pages for a direct write: it starts and ends on a page of the extent. Its
    /// bytes are those within `len`; a write also takes the rest of the last page, zeroed before
    /// with [`Self::zero_page_tail`]. What is appended while the write is under way may reach
    /// the disk with it: behind the last byte of this slice anything may stand.
    ///
    /// # Panics
    /// When the range does not start on a page, or ends neither on a page nor at `len`.
    pub fn padded_slice(&self, range: Range<usize>) -> ExtentSlice {
        assert!(
            range.start.is_multiple_of(PAGE_BYTES),
            "a padded slice starts on a page"
        );
        let mut slice = self.slice(range.start..range.end.min(self.len));
        let end = range.end.next_multiple_of(PAGE_BYTES);
        assert!(
            range.end == end || range.end == self.len,
            "a padded slice ends on a page or at the extent's length"
        );
        assert!(
            end <= self.len.next_multiple_of(PAGE_BYTES),
            "pages that were never written"
        );
        slice.pad = end - range.start - slice.len;
        slice
    }

    /// Ends writing.
    pub fn freeze(self) -> ExtentSlice {
        ExtentSlice {
            block: self.block,
            start: 0,
            len: self.len,
            pad: 0,
        }
    }

    /// Where the next byte goes. Only `remaining()` bytes from here are the writer's.
    pub(crate) fn spare(&mut self) -> *mut u8 {
        // SAFETY: `len` never exceeds the capacity.
        unsafe { self.block.start.as_ptr().add(self.len) }
    }

    /// # Safety
    /// The bytes up to `len` have been written.
    pub(crate) unsafe fn set_len(&mut self, len: usize) {
        assert!(len <= self.block.capacity, "the extent ends before {len}");
        self.len = len;
    }
}

/// A shared view of written bytes of an extent; cheap to clone and to send to another thread.
#[derive(Clone)]
pub struct ExtentSlice {
    block: Arc<Block>,
    start: usize,
    len: usize,
    /// Bytes after the slice that a direct write takes along.
    pad: usize,
}

impl fmt::Debug for ExtentSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtentSlice")
            .field("start", &self.start)
            .field("len", &self.len)
            .finish()
    }
}

impl Deref for ExtentSlice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the range was within the writer's `len` when the slice was made, so its bytes
        // are initialised and never written while the slice exists.
        unsafe { std::slice::from_raw_parts(self.disk_start(), self.len) }
    }
}

impl AsRef<[u8]> for ExtentSlice {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl ExtentSlice {
    /// Bytes that [`Ring::write_at`](crate::ring::Ring::write_at) writes: the slice and its pad.
    pub fn disk_len(&self) -> usize {
        self.len + self.pad
    }

    /// Capacity of the whole extent that this slice keeps in memory.
    pub fn extent_capacity(&self) -> usize {
        self.block.capacity
    }

    /// A part of this slice, without its pad.
    ///
    /// # Panics
    /// When the range is not within the slice.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "{range:?} of {}",
            self.len
        );
        let start = self.start + range.start;
        Self {
            block: Arc::clone(&self.block),
            start,
            len: range.end - range.start,
            pad: 0,
        }
    }

    /// The same bytes as [`Bytes`], not copied.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    pub(crate) fn disk_start(&self) -> *const u8 {
        // SAFETY: `start` lies inside the block.
        unsafe { self.block.start.as_ptr().add(self.start) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn pool(idle_bytes_max: usize) -> ExtentPool {
        ExtentPool::new(PoolOptions { idle_bytes_max })
    }

    #[test]
    fn capacities_are_classes_then_whole_pages_and_aligned() {
        let pool = pool(64 << 20);
        for (bytes, capacity) in [
            (0, 4096),
            (1, 4096),
            (4097, 8192),
            (65_536, 65_536),
            (1_000_000, 1 << 20),
            ((1 << 20) + 1, 2 << 20),
            ((2 << 20) + 1, (2 << 20) + 4096),
        ] {
            let mut extent = pool.allocate(bytes);
            assert_eq!(extent.capacity(), capacity, "for {bytes}");
            assert_eq!(extent.spare().addr() % PAGE_BYTES, 0);
        }
    }

    #[test]
    fn slices_keep_their_bytes_while_the_writer_appends() {
        let mut extent = pool(1 << 20).allocate(8192);
        assert_eq!(extent.append(b"hello "), 6);
        let hello = extent.slice(0..5);
        assert_eq!(extent.append(&[b'x'; 9000]), 8192 - 6);
        assert_eq!(&*hello, b"hello");
        assert_eq!(&hello.slice(1..3).into_bytes()[..], b"el");
        assert_eq!(extent.remaining(), 0);
        assert_eq!(extent.freeze().len(), 8192);
    }

    #[test]
    fn padded_slice_writes_whole_pages_and_shows_only_its_bytes() {
        let mut extent = pool(0).allocate(16_384);
        extent.append(&[7; 5000]);
        extent.zero_page_tail();
        let all = extent.padded_slice(0..5000);
        assert_eq!((all.len(), all.disk_len()), (5000, 8192));
        let last = extent.padded_slice(4096..8192);
        assert_eq!((last.len(), last.disk_len()), (904, 4096));
    }

    #[test]
    #[should_panic(expected = "the extent has slices")]
    fn changing_bytes_that_a_slice_shows_is_refused() {
        let mut extent = pool(0).allocate(10);
        extent.append(b"abc");
        let _slice = extent.slice(0..1);
        extent.as_mut_slice()[0] = b'x';
    }

    #[test]
    fn idle_memory_is_reused_and_what_exceeds_the_limit_is_released() {
        let pool = pool(16 << 10);
        let extents: Vec<_> = (0..8).map(|_| pool.allocate(4096)).collect();
        assert_eq!(pool.allocated_bytes(), 32 << 10);
        drop(extents);
        assert_eq!(pool.allocated_bytes(), 16 << 10);
        let again: Vec<_> = (0..4).map(|_| pool.allocate(4096)).collect();
        assert_eq!(pool.allocated_bytes(), 16 << 10);
        drop(again);
        drop(pool.allocate(2 << 20));
        assert_eq!(pool.allocated_bytes(), 16 << 10);
    }

    #[test]
    fn large_blocks_are_cut_from_one_chunk() {
        let pool = pool(4 << 20);
        let first = pool.allocate(1 << 20);
        let second = pool.allocate(1 << 20);
        assert_eq!(pool.allocated_bytes(), 2 << 20);
        drop((first, second));
        let _third = pool.allocate(1 << 20);
        assert_eq!(pool.allocated_bytes(), 2 << 20);
    }

    #[test]
    fn blocks_freed_on_other_threads_come_back_with_their_bytes_untouched() {
        let rounds: u32 = if cfg!(miri) { 200 } else { 100_000 };
        let pool = pool(1 << 20);
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (sender, receiver) = mpsc::sync_channel::<(u32, ExtentSlice)>(64);
                let reader = thread::spawn(move || {
                    for (round, slice) in receiver {
                        assert_eq!(slice[..4], round.to_le_bytes());
                        assert_eq!(slice[slice.len() - 4..], round.to_le_bytes());
                    }
                });
                (sender, reader)
            })
            .collect();
        for round in 0..rounds {
            let mut extent = pool.allocate(if round % 7 == 0 { 8192 } else { 4096 });
            for (sender, _) in &readers {
                let start = extent.len();
                extent.append(&round.to_le_bytes());
                extent.append(&[0xee; 100]);
                extent.append(&round.to_le_bytes());
                sender
                    .send((round, extent.slice(start..extent.len())))
                    .unwrap();
            }
        }
        for (sender, reader) in readers {
            drop(sender);
            reader.join().unwrap();
        }
        assert!(
            pool.allocated_bytes() < 4 << 20,
            "{}",
            pool.allocated_bytes()
        );
    }
}
