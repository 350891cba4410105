//! Why a ring cannot be made: each variant names the cause and the cure.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum RingError {
    #[error(
        "this kernel has no io_uring (ENOSYS): Linux 5.10 or newer with CONFIG_IO_URING is needed"
    )]
    Missing,
    #[error("this kernel's io_uring lacks {lacks}: Linux 5.10 or newer is needed")]
    TooOld { lacks: &'static str },
    #[error(
        "io_uring is forbidden here (EPERM; kernel.io_uring_disabled is {disabled}): set the \
         sysctl kernel.io_uring_disabled=0, or allow io_uring_setup, io_uring_enter and \
         io_uring_register in the container's seccomp profile"
    )]
    Forbidden { disabled: String },
    #[error(
        "io_uring may not lock enough memory (ENOMEM; the limit is {limit_bytes} bytes): raise \
         the memlock limit (ulimit -l, LimitMEMLOCK=infinity) or use fewer ring entries"
    )]
    MemoryLimit { limit_bytes: u64 },
    #[error("too many open files (the limit is {limit}): raise it (ulimit -n, LimitNOFILE)")]
    TooManyFiles { limit: u64 },
    #[error("io_uring could not be set up: {0}")]
    Other(#[source] io::Error),
}

impl RingError {
    pub(super) fn from_setup(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOSYS) => Self::Missing,
            Some(libc::EPERM | libc::EACCES) => {
                let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
                let disabled = disabled.map_or_else(|_| "not readable".into(), |s| s.trim().into());
                Self::Forbidden { disabled }
            }
            Some(libc::ENOMEM) => Self::MemoryLimit {
                limit_bytes: super::sys::limit(libc::RLIMIT_MEMLOCK),
            },
            Some(libc::EMFILE | libc::ENFILE) => Self::TooManyFiles {
                limit: super::sys::limit(libc::RLIMIT_NOFILE),
            },
            Some(_) | None => Self::Other(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setup_error_names_its_cause_and_its_cure() {
        for (errno, words) in [
            (libc::ENOSYS, ["ENOSYS", "5.10"]),
            (libc::EPERM, ["kernel.io_uring_disabled", "seccomp"]),
            (libc::ENOMEM, ["memlock", "LimitMEMLOCK"]),
            (libc::EMFILE, ["too many open files", "ulimit -n"]),
        ] {
            let message = RingError::from_setup(io::Error::from_raw_os_error(errno)).to_string();
            for word in words {
                assert!(message.contains(word), "{message}");
            }
        }
    }
}
