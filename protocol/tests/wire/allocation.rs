//! An allocator that counts, for each thread on its own, the bytes in use and their peak.

#![expect(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait; every call goes to System"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static USED: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(change: isize) {
    let used = USED.get() + change;
    USED.set(used);
    PEAK.set(PEAK.get().max(used));
}

// SAFETY: memory comes from System and goes back to it with the same layout; counting touches
// only constant-initialised thread locals without destructors, so it never allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's contract is System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the pointer came from System with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The most bytes that were in use on this thread during the call, above those before it.
pub(crate) fn peak_of<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let before = USED.get();
    PEAK.set(before);
    let result = call();
    (result, (PEAK.get() - before).unsigned_abs())
}
