//! Registers the process for the barrier that the executor uses before it sleeps. Shell.
//! With other threads alive the kernel waits some 15 ms for them; the first thing a process does, it
//! costs nothing, and the executor's own registration finds it done. It may fail: then it is merely slow.

#![expect(unsafe_code, reason = "one system call that no safe crate here offers")]

const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// Call this before the first thread is started.
pub(crate) fn register() {
    let (flags, cpu): (libc::c_uint, libc::c_int) = (0, 0);
    // SAFETY: this command takes no pointer and touches no memory of this process.
    unsafe { libc::syscall(libc::SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, flags, cpu) };
}
