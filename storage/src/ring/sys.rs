//! The plain system calls that the ring needs beside its own.
#![expect(unsafe_code, reason = "calls into libc")]

use std::io;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Turns a system call's -1 into the error behind it.
fn check(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

pub(super) fn limit(resource: libc::__rlimit_resource_t) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid place to write to.
    unsafe { libc::getrlimit(resource, &raw mut limit) };
    limit.rlim_cur
}

/// In blocking mode: a ring read of a non-blocking one answers EAGAIN instead of waiting.
pub(super) fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    check(fd as isize)?;
    Ok(own(fd))
}

/// Takes over a descriptor that the kernel just gave to this process.
pub(super) fn own(fd: i32) -> OwnedFd {
    // SAFETY: the caller got it from the kernel and hands it over.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Does a plain call with a file.
pub(super) fn with_std<T>(
    file: &super::File,
    call: impl FnOnce(&std::fs::File) -> io::Result<T>,
) -> io::Result<T> {
    let fd = file.descriptor().ok_or(io::ErrorKind::Unsupported)?;
    // SAFETY: the descriptor is open during the call, and is not closed here.
    let file = ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(fd.as_raw_fd()) });
    call(&file)
}

pub(super) fn listen(fd: BorrowedFd<'_>, backlog: i32) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::listen(fd.as_raw_fd(), backlog) } as isize).map(drop)
}

/// A stream socket, in non-blocking mode.
pub(super) fn stream_socket(family: i32) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let fd = unsafe { libc::socket(family, kind, 0) };
    check(fd as isize)?;
    Ok(own(fd))
}

/// Receives what is there, without waiting.
pub(super) fn receive_now(fd: BorrowedFd<'_>, into: &mut [u8]) -> io::Result<usize> {
    let (start, len) = (into.as_mut_ptr().cast(), into.len());
    // SAFETY: `into` is writable for `len` bytes.
    check(unsafe { libc::recv(fd.as_raw_fd(), start, len, libc::MSG_DONTWAIT) })
}

/// `sendfile` on a non-blocking socket.
pub(super) fn send_file(
    socket: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    position: u64,
    bytes: usize,
) -> io::Result<usize> {
    let mut offset = i64::try_from(position).map_err(io::Error::other)?;
    let (to, from) = (socket.as_raw_fd(), file.as_raw_fd());
    // SAFETY: `offset` is a valid place to read and write.
    check(unsafe { libc::sendfile(to, from, &raw mut offset, bytes) })
}

/// The address in the form that `connect` takes, and its length.
#[expect(
    clippy::cast_possible_truncation,
    reason = "small constants of the C interface"
)]
pub(super) fn socket_address(
    address: &std::net::SocketAddr,
) -> (libc::sockaddr_storage, libc::socklen_t) {
    let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let len = match address {
        std::net::SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(v4.ip().octets()),
                },
                sin_zero: [0; 8],
            };
            // SAFETY: the storage is large enough and aligned for every kind of address.
            unsafe { storage.as_mut_ptr().cast::<libc::sockaddr_in>().write(raw) };
            size_of::<libc::sockaddr_in>()
        }
        std::net::SocketAddr::V6(v6) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr {
                    s6_addr: v6.ip().octets(),
                },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: as above.
            unsafe { storage.as_mut_ptr().cast::<libc::sockaddr_in6>().write(raw) };
            size_of::<libc::sockaddr_in6>()
        }
    };
    // SAFETY: zeroed, which is a valid value, and partly overwritten.
    let storage = unsafe { storage.assume_init() };
    (storage, len as libc::socklen_t)
}
