//! A thread of the lowest priority with a small ring of its own, for work that requests must not wait
//! for. Shell.
#![expect(unsafe_code, reason = "setpriority of one thread has no safe wrapper")]

use std::fs::File;
use std::os::fd::AsFd as _;
use std::sync::mpsc;

use anyhow::Context as _;
use storage::ring::{Ring, RingOptions};

const NICEST: libc::c_int = 19;

/// Starts the thread; its ring holds the data directory's lock as those of the shards do.
///
/// # Errors
/// The thread or its ring cannot be made.
pub(crate) fn start(
    name: &'static str,
    options: RingOptions,
    lock: File,
    body: impl FnOnce(&Ring) + Send + 'static,
) -> anyhow::Result<()> {
    let (ready, started) = mpsc::sync_channel(1);
    let thread = move || {
        be_nice(name);
        match make_ring(&options, &lock) {
            Ok(ring) => {
                drop(ready.send(None));
                body(&ring);
            }
            // whoever starts it waits for this
            Err(error) => drop(ready.send(Some(error))),
        }
    };
    let spawned = std::thread::Builder::new().name(name.into()).spawn(thread);
    spawned.with_context(|| format!("cannot start the thread {name}"))?;
    let failed = started
        .recv()
        .with_context(|| format!("the thread {name} ended while it started"))?;
    failed.map_or(Ok(()), Err)
}

fn make_ring(options: &RingOptions, lock: &File) -> anyhow::Result<Ring> {
    let ring = Ring::new(options)?;
    ring.hold(lock.as_fd())
        .context("cannot hold the data directory's lock")?;
    Ok(ring)
}

/// Requests go first, whatever is done here.
fn be_nice(name: &str) {
    // SAFETY: no memory is passed; 0 is the calling thread.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICEST) };
    if result != 0 {
        let error = std::io::Error::last_os_error();
        tracing::warn!("the thread {name} keeps its priority: {error}");
    }
}
