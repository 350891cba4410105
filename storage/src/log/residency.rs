//! Asks the kernel whether a range of a file is in the page cache. Shell.
#![expect(unsafe_code, reason = "cachestat has no safe wrapper")]

use std::os::fd::{AsRawFd as _, BorrowedFd};

/// cachestat(2), the same number on every architecture.
const SYS_CACHESTAT: libc::c_long = 451;
const PAGE_BYTES: u64 = 4096;

#[repr(C)]
struct CachestatRange {
    offset: u64,
    length: u64,
}

#[repr(C)]
#[derive(Default)]
struct Cachestat {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// `false` also when the kernel (before 6.5) cannot tell.
pub(crate) fn is_resident(file: BorrowedFd<'_>, position: u64, bytes: u64) -> bool {
    let range = CachestatRange {
        offset: position,
        length: bytes,
    };
    let mut stat = Cachestat::default();
    let fd = file.as_raw_fd();
    // SAFETY: both structures are as the kernel declares them and live across the call.
    let result =
        unsafe { libc::syscall(SYS_CACHESTAT, fd, &raw const range, &raw mut stat, 0_u32) };
    let first = position / PAGE_BYTES;
    let end = (position + bytes).div_ceil(PAGE_BYTES);
    result == 0 && bytes > 0 && stat.cached >= end - first
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn freshly_written_pages_are_resident() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[1; 20_000]).unwrap();
        let known = is_resident(file.as_fd(), 5_000, 10_000);
        assert!(known || !kernel_can_tell());
        assert!(!is_resident(file.as_fd(), 1 << 30, 4_096));
        assert!(!is_resident(file.as_fd(), 0, 0));
    }

    fn kernel_can_tell() -> bool {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = release
            .split(['.', '-'])
            .map_while(|part| part.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(6), Some(5))
    }
}
