//! Kernel version, and why io_uring may not be available. The texts are pure; the reading is shell.

use std::fs;

/// Facts about the kernel and what it lets this process do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kernel {
    pub(crate) release: String,
    /// Major and minor number.
    pub(crate) version: (u32, u32),
    /// The sysctl `kernel.io_uring_disabled`; None before 6.6, which has none.
    pub(crate) io_uring_disabled: Option<u32>,
    /// A seccomp filter is on this process, as in most containers.
    pub(crate) filtered: bool,
}

/// The oldest kernel whose io_uring has what the broker cannot do without.
pub(crate) const OLDEST: (u32, u32) = (5, 10);

impl Kernel {
    pub(crate) fn probe() -> Self {
        let read = |path: &str| {
            fs::read_to_string(path)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let release = read("/proc/sys/kernel/osrelease");
        let status = read("/proc/self/status");
        let seccomp = status
            .lines()
            .find_map(|line| line.strip_prefix("Seccomp:"));
        Self {
            version: parse_version(&release).unwrap_or((0, 0)),
            release,
            io_uring_disabled: read("/proc/sys/kernel/io_uring_disabled").parse().ok(),
            filtered: seccomp.is_some_and(|mode| mode.trim() == "2"),
        }
    }

    /// What stands against io_uring as far as can be read, with the cure. None is no known
    /// obstacle; only setting up a ring proves it.
    pub(crate) fn obstacle(&self) -> Option<String> {
        if self.version != (0, 0) && self.version < OLDEST {
            return Some(format!(
                "kernel {} is too old for io_uring as used here; {}.{} or newer is needed",
                self.release, OLDEST.0, OLDEST.1
            ));
        }
        match self.io_uring_disabled {
            Some(2) => Some(
                "io_uring is switched off for everybody (kernel.io_uring_disabled = 2); an \
                 administrator can allow it with `sysctl kernel.io_uring_disabled=0`"
                    .to_owned(),
            ),
            Some(1) => Some(
                "io_uring is kept for a group (kernel.io_uring_disabled = 1); add this user to the \
                 group in kernel.io_uring_group, or allow all with \
                 `sysctl kernel.io_uring_disabled=0`"
                    .to_owned(),
            ),
            Some(_) | None => None,
        }
    }

    /// Why setting up a ring failed, from its error number, with the cure.
    pub(crate) fn explain(&self, error_number: i32) -> String {
        match error_number {
            libc::EPERM => self.obstacle().unwrap_or_else(|| {
                if self.filtered {
                    "io_uring is blocked by a seccomp filter, the default of container runtimes \
                     since 2023; allow the three io_uring calls with a profile of your own \
                     (--security-opt seccomp=PROFILE.json, seccompProfile: Localhost), or with \
                     --security-opt seccomp=unconfined"
                        .to_owned()
                } else {
                    "io_uring is not permitted to this process".to_owned()
                }
            }),
            libc::ENOSYS => format!(
                "kernel {} has no io_uring, or a sandbox hides it; {}.{} or newer is needed",
                self.release, OLDEST.0, OLDEST.1
            ),
            libc::ENOMEM => "the limit of locked memory is too small for io_uring; raise it with \
                             `ulimit -l unlimited`, LimitMEMLOCK=infinity in a systemd unit, or \
                             --ulimit memlock=-1:-1 for a container"
                .to_owned(),
            other => format!("io_uring could not be set up: error {other}"),
        }
    }
}

/// Major and minor number of `6.1.0-13-amd64`.
fn parse_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(release: &str, disabled: Option<u32>, filtered: bool) -> Kernel {
        let version = parse_version(release).unwrap();
        Kernel {
            release: release.to_owned(),
            version,
            io_uring_disabled: disabled,
            filtered,
        }
    }

    #[test]
    fn each_obstacle_names_its_cure() {
        assert_eq!(kernel("6.1.0-13-amd64", Some(0), false).obstacle(), None);
        let text = kernel("5.4.0", None, false).obstacle().unwrap();
        assert!(text.contains("5.10 or newer"), "{text}");
        let text = kernel("6.8", Some(2), true).obstacle().unwrap();
        assert!(text.contains("sysctl kernel.io_uring_disabled=0"), "{text}");
        assert!(
            kernel("6.8", Some(1), false)
                .obstacle()
                .unwrap()
                .contains("io_uring_group")
        );
    }

    #[test]
    fn a_failed_ring_is_explained_by_its_error() {
        let contained = kernel("6.8", Some(0), true);
        assert!(contained.explain(libc::EPERM).contains("seccomp"));
        assert!(
            kernel("6.8", Some(2), true)
                .explain(libc::EPERM)
                .contains("switched off")
        );
        assert!(contained.explain(libc::ENOMEM).contains("LimitMEMLOCK"));
        assert!(contained.explain(libc::ENOSYS).contains("no io_uring"));
        assert!(contained.explain(99).contains("99"));
    }

    #[test]
    fn this_kernel_has_a_version() {
        assert!(Kernel::probe().version >= (2, 6));
    }
}
