//! What this process has cost so far. Shell.
#![expect(
    unsafe_code,
    reason = "the clock of the process is a call of the system"
)]

use std::io;
use std::time::Duration;

/// User and system time of all threads of this process, the kernel's for its ring included.
///
/// # Errors
/// As `clock_gettime(2)`.
pub(crate) fn time() -> io::Result<Duration> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one timespec, which lives here.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Ok(Duration::new(seconds, nanos))
}
