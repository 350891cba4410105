#![expect(
    unsafe_code,
    reason = "resource limits, affinity and statvfs have no safe interface in std"
)]
//! The system calls behind the limits. Shell.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A resource of the process with a soft and a hard limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// Open files and connections.
    Descriptors,
    /// Bytes that may be locked into memory, rings and their buffers among them.
    LockedMemory,
}

/// What a process may have of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) resource: Resource,
    /// None is no limit.
    pub(crate) soft: Option<u64>,
    pub(crate) hard: Option<u64>,
}

impl Allowance {
    /// None when there is enough, else cause and cure.
    pub(crate) fn shortage(&self, wanted: u64) -> Option<String> {
        let soft = self.soft.filter(|soft| *soft < wanted)?;
        let hard = self
            .hard
            .map_or_else(|| "unlimited".to_owned(), |hard| hard.to_string());
        Some(match self.resource {
            Resource::Descriptors => format!(
                "only {soft} open files and connections are allowed (hard limit {hard}), {wanted} \
                 are wanted; raise it with `ulimit -n {wanted}`, LimitNOFILE={wanted} in a systemd \
                 unit, or --ulimit nofile={wanted}:{wanted} for a container"
            ),
            Resource::LockedMemory => format!(
                "only {soft} bytes may be locked into memory (hard limit {hard}), {wanted} are \
                 wanted; raise it with `ulimit -l unlimited`, LimitMEMLOCK=infinity in a systemd \
                 unit, or --ulimit memlock=-1:-1 for a container"
            ),
        })
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.resource {
            Resource::Descriptors => "open files",
            Resource::LockedMemory => "locked memory",
        };
        match self.soft {
            Some(soft) => write!(f, "{name} {soft}"),
            None => write!(f, "{name} unlimited"),
        }
    }
}

/// Raises the soft limit to the hard one, and the hard one too where the process may, until
/// `wanted` fits. What is allowed afterwards is the answer, also when nothing could be raised.
///
/// # Errors
/// The limits could not even be read.
pub(crate) fn raise(resource: Resource, wanted: u64) -> io::Result<Allowance> {
    let now = read(resource)?;
    let enough = |limit: libc::rlim_t| limit == libc::RLIM_INFINITY || limit >= wanted;
    if enough(now.rlim_cur) {
        return Ok(allowance(resource, now));
    }
    let mut tries = vec![libc::rlimit {
        rlim_cur: now.rlim_max,
        rlim_max: now.rlim_max,
    }];
    if enough(now.rlim_max) {
        tries[0].rlim_cur = wanted;
    } else {
        // Allowed with CAP_SYS_RESOURCE.
        tries.insert(
            0,
            libc::rlimit {
                rlim_cur: wanted,
                rlim_max: wanted,
            },
        );
    }
    for limit in &tries {
        // SAFETY: `limit` is a valid rlimit that outlives the call.
        if unsafe { libc::setrlimit(which(resource), limit) } == 0 {
            break;
        }
    }
    Ok(allowance(resource, read(resource)?))
}

fn which(resource: Resource) -> libc::__rlimit_resource_t {
    match resource {
        Resource::Descriptors => libc::RLIMIT_NOFILE,
        Resource::LockedMemory => libc::RLIMIT_MEMLOCK,
    }
}

fn read(resource: Resource) -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid rlimit to write to.
    let code = unsafe { libc::getrlimit(which(resource), &raw mut limit) };
    if code == 0 {
        Ok(limit)
    } else {
        Err(io::Error::last_os_error())
    }
}

fn allowance(resource: Resource, limit: libc::rlimit) -> Allowance {
    let bounded = |limit: libc::rlim_t| (limit != libc::RLIM_INFINITY).then_some(limit);
    Allowance {
        resource,
        soft: bounded(limit.rlim_cur),
        hard: bounded(limit.rlim_max),
    }
}

/// Ties the calling thread to one core.
///
/// # Errors
/// The core is not among those allowed, or there is no such core.
pub(crate) fn pin_to_core(core: usize) -> io::Result<()> {
    let bits = usize::BITS as usize;
    let mut mask = [0_usize; 1024 / usize::BITS as usize];
    let Some(word) = mask.get_mut(core / bits) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("no core {core}"),
        ));
    };
    *word |= 1 << (core % bits);
    // SAFETY: the kernel reads exactly the bytes of `mask`, a bit set of cores.
    let code = unsafe { libc::sched_setaffinity(0, size_of_val(&mask), (&raw const mask).cast()) };
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A file system: all its bytes, and those that an unprivileged process may still write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) total_bytes: u64,
    pub(crate) usable_bytes: u64,
}

/// The file system of a path.
///
/// # Errors
/// The path is not there, or its file system does not tell.
pub(crate) fn volume(path: &Path) -> io::Result<Volume> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut stats = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: `path` ends with a zero byte, and `stats` is room for one statvfs.
    let code = unsafe { libc::statvfs(path.as_ptr(), stats.as_mut_ptr()) };
    if code != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed is a valid statvfs, and the call has filled it in.
    let stats = unsafe { stats.assume_init() };
    Ok(Volume {
        total_bytes: stats.f_blocks.saturating_mul(stats.f_frsize),
        usable_bytes: stats.f_bavail.saturating_mul(stats.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn raising_to_what_is_allowed_already_changes_nothing() {
        let before = read(Resource::Descriptors).unwrap();
        let allowance = raise(Resource::Descriptors, 16).unwrap();
        assert_eq!(allowance.soft.unwrap_or(u64::MAX), before.rlim_cur);
        assert_eq!(allowance.shortage(16), None);
    }

    #[test]
    fn the_soft_limit_rises_to_what_is_wanted_or_to_the_hard_one() {
        let before = read(Resource::Descriptors).unwrap();
        let lowered = libc::rlimit {
            rlim_cur: 256,
            rlim_max: before.rlim_max,
        };
        // SAFETY: `lowered` is a valid rlimit that outlives the call.
        let code = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const lowered) };
        assert_eq!(code, 0);
        let wanted = before.rlim_cur.min(4096);
        let allowance = raise(Resource::Descriptors, wanted).unwrap();
        assert_eq!(allowance.soft, Some(wanted));
        // SAFETY: `before` is a valid rlimit that outlives the call.
        let code = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const before) };
        assert_eq!(code, 0);
    }

    #[test]
    fn a_shortage_names_cause_and_cure() {
        let resource = Resource::LockedMemory;
        let allowance = Allowance {
            resource,
            soft: Some(65_536),
            hard: Some(65_536),
        };
        let text = allowance.shortage(1 << 26).unwrap();
        assert!(
            text.contains("65536 bytes") && text.contains("LimitMEMLOCK=infinity"),
            "{text}"
        );
        assert_eq!(
            Allowance {
                soft: None,
                ..allowance
            }
            .shortage(u64::MAX),
            None
        );
    }

    #[test]
    fn a_thread_is_tied_to_an_allowed_core_only() {
        let core = super::super::cores::allowed().unwrap()[0];
        thread::spawn(move || {
            pin_to_core(core).unwrap();
            assert_eq!(
                super::super::cores::allowed_to_this_thread().unwrap(),
                [core]
            );
        })
        .join()
        .unwrap();
        assert!(pin_to_core(100_000).is_err());
    }

    #[test]
    fn free_space_is_told_for_a_path_that_exists() {
        let root = volume(Path::new("/")).unwrap();
        assert!(root.usable_bytes > 0 && root.usable_bytes <= root.total_bytes);
        assert!(volume(Path::new("/nonexistent")).is_err());
    }
}
