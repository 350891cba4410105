//! What the running kernel's io_uring can do, found out once at start. Every feature can be
//! switched off, so that the ways round it are tested on a kernel that has them all.

use std::fmt;

use io_uring::{IoUring, Probe, opcode};

use super::RingError;

/// Something newer than Linux 5.10 that the ring uses where it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Feature {
    /// Completions are handled when the thread asks for them (6.1).
    DeferTaskrun = 1,
    /// Completions do not interrupt the thread (5.19).
    CoopTaskrun = 1 << 1,
    /// One receive for many messages, into provided buffers (6.0).
    MultishotReceive = 1 << 2,
    /// One accept for many connections (5.19).
    MultishotAccept = 1 << 3,
    /// Waking another ring through one's own (5.18).
    MsgRing = 1 << 4,
    /// Rename and unlink on the ring (5.11).
    PathOps = 1 << 5,
    /// Making directories on the ring (5.15).
    MakeDir = 1 << 6,
    /// Truncating on the ring (6.9).
    Truncate = 1 << 7,
    /// Waiting with a timeout in one call (5.11).
    TimedWait = 1 << 8,
}

impl Feature {
    pub const ALL: [Self; 9] = [
        Self::DeferTaskrun,
        Self::CoopTaskrun,
        Self::MultishotReceive,
        Self::MultishotAccept,
        Self::MsgRing,
        Self::PathOps,
        Self::MakeDir,
        Self::Truncate,
        Self::TimedWait,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::DeferTaskrun => "defer_taskrun",
            Self::CoopTaskrun => "coop_taskrun",
            Self::MultishotReceive => "multishot recv",
            Self::MultishotAccept => "multishot accept",
            Self::MsgRing => "msg_ring",
            Self::PathOps => "path ops",
            Self::MakeDir => "mkdir",
            Self::Truncate => "truncate",
            Self::TimedWait => "timed wait",
        }
    }
}

/// A set of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RingFeatures(u16);

impl RingFeatures {
    pub fn has(self, feature: Feature) -> bool {
        self.0 & feature as u16 != 0
    }

    /// All that files have.
    pub(super) fn of_files() -> Self {
        let all = [Feature::PathOps, Feature::MakeDir, Feature::Truncate];
        all.into_iter()
            .fold(Self::default(), |set, feature| set.with(feature, true))
    }

    fn with(self, feature: Feature, there: bool) -> Self {
        if there {
            Self(self.0 | feature as u16)
        } else {
            self
        }
    }
}

impl fmt::Display for RingFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = [
            Feature::DeferTaskrun,
            Feature::CoopTaskrun,
            Feature::MultishotReceive,
            Feature::MultishotAccept,
            Feature::MsgRing,
        ];
        let names: Vec<_> = shown
            .into_iter()
            .filter(|feature| self.has(*feature))
            .map(Feature::name)
            .collect();
        if names.is_empty() {
            return f.write_str("io_uring (plain)");
        }
        write!(f, "io_uring ({})", names.join(", "))
    }
}

/// Features to do without although the kernel has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fallback(RingFeatures);

impl Fallback {
    /// Use everything there is.
    pub const NONE: Self = Self(RingFeatures(0));

    pub fn without(features: &[Feature]) -> Self {
        let set = features
            .iter()
            .fold(RingFeatures(0), |set, feature| set.with(*feature, true));
        Self(set)
    }

    /// Do as on Linux 5.10.
    pub fn linux_5_10() -> Self {
        Self::without(&Feature::ALL)
    }

    /// Do as on Linux 5.19.
    pub fn linux_5_19() -> Self {
        Self::without(&[
            Feature::DeferTaskrun,
            Feature::MultishotReceive,
            Feature::Truncate,
        ])
    }

    fn allows(self, feature: Feature) -> bool {
        !self.0.has(feature)
    }
}

/// Makes the ring with the best set-up that the kernel takes, and says what it can do.
pub(super) fn set_up(
    entries: u32,
    fallback: Fallback,
) -> Result<(IoUring, RingFeatures), RingError> {
    for mode in [
        Some(Feature::DeferTaskrun),
        Some(Feature::CoopTaskrun),
        None,
    ] {
        if mode.is_some_and(|feature| !fallback.allows(feature)) {
            continue;
        }
        match build(entries, mode) {
            Ok(uring) => {
                let features = probe(&uring, mode, fallback)?;
                return Ok((uring, features));
            }
            Err(error) if mode.is_some() && error.raw_os_error() == Some(libc::EINVAL) => {}
            Err(error) => return Err(RingError::from_setup(error)),
        }
    }
    Err(RingError::TooOld {
        lacks: "a usable set-up",
    })
}

fn build(entries: u32, mode: Option<Feature>) -> std::io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder
        .dontfork()
        .setup_clamp()
        .setup_cqsize(entries.saturating_mul(4));
    match mode {
        Some(Feature::DeferTaskrun) => {
            builder.setup_single_issuer().setup_defer_taskrun();
            builder.setup_taskrun_flag().setup_submit_all();
        }
        Some(_) => {
            builder
                .setup_coop_taskrun()
                .setup_taskrun_flag()
                .setup_submit_all();
        }
        None => {}
    }
    builder.build(entries)
}

fn probe(
    uring: &IoUring,
    mode: Option<Feature>,
    fallback: Fallback,
) -> Result<RingFeatures, RingError> {
    let parameters = uring.params();
    if !parameters.is_feature_nodrop() {
        return Err(RingError::TooOld {
            lacks: "lossless completions",
        });
    }
    if !parameters.is_feature_fast_poll() {
        return Err(RingError::TooOld {
            lacks: "waiting for sockets without a thread",
        });
    }
    let mut probe = Probe::new();
    uring
        .submitter()
        .register_probe(&mut probe)
        .map_err(RingError::from_setup)?;
    let has = |code: u8| probe.is_supported(code);
    // Flags cannot be probed; operations that came in the same release can.
    let of_5_19 = has(opcode::Socket::CODE);
    let of_6_0 = has(opcode::SendZc::CODE);
    let found = [
        (Feature::DeferTaskrun, mode == Some(Feature::DeferTaskrun)),
        (Feature::CoopTaskrun, mode == Some(Feature::CoopTaskrun)),
        (Feature::MultishotReceive, of_6_0),
        (Feature::MultishotAccept, of_5_19),
        (Feature::MsgRing, has(opcode::MsgRingData::CODE)),
        (
            Feature::PathOps,
            has(opcode::RenameAt::CODE) && has(opcode::UnlinkAt::CODE),
        ),
        (Feature::MakeDir, has(opcode::MkDirAt::CODE)),
        (Feature::Truncate, has(opcode::Ftruncate::CODE)),
        (Feature::TimedWait, parameters.is_feature_ext_arg()),
    ];
    let features = found
        .into_iter()
        .fold(RingFeatures::default(), |set, (feature, there)| {
            set.with(feature, there && fallback.allows(feature))
        });
    Ok(features)
}

impl RingFeatures {
    /// For what registering the provided buffers showed.
    pub(super) fn without(self, feature: Feature) -> Self {
        Self(self.0 & !(feature as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banner_names_what_is_used_in_one_line() {
        let features = RingFeatures::default();
        assert_eq!(features.to_string(), "io_uring (plain)");
        let features = features
            .with(Feature::MsgRing, true)
            .with(Feature::DeferTaskrun, true);
        assert_eq!(features.to_string(), "io_uring (defer_taskrun, msg_ring)");
    }

    #[test]
    fn a_feature_that_is_switched_off_is_not_used() {
        for feature in Feature::ALL {
            let (_, features) = set_up(8, Fallback::without(&[feature])).unwrap();
            assert!(!features.has(feature), "{feature:?}");
        }
        let (_, features) = set_up(8, Fallback::linux_5_10()).unwrap();
        assert_eq!(features, RingFeatures::default());
    }
}
