//! What the machine allows this process, asked and raised once at the start: descriptors, locked
//! memory, cores, kernel, ports, disk. Shell; runs before any shard.

pub(crate) mod cores;
mod directory;
pub(crate) mod kernel;
pub(crate) mod ports;
mod system;

use std::io;

pub(crate) use directory::{lock_data_dir, space_shortage};
pub(crate) use system::pin_to_core;
use system::{Resource, raise_to};

/// Descriptors that the broker asks for: connections, and three files for each open partition.
const DESCRIPTORS_WANTED: u64 = 65_536;
/// Memory that rings and their registered buffers may lock.
const LOCKED_MEMORY_WANTED: u64 = 64 << 20;

/// Raises what may be raised. A shortage is told with its cure and does not stop the start: a small
/// broker does well with less, and a ring that cannot be set up says so itself.
///
/// # Errors
/// The limits could not be read.
pub(crate) fn raise() -> io::Result<()> {
    let wanted = [
        (Resource::Descriptors, DESCRIPTORS_WANTED),
        (Resource::LockedMemory, LOCKED_MEMORY_WANTED),
    ];
    for (resource, wanted) in wanted {
        let allowance = raise_to(resource, wanted)?;
        match allowance.shortage(wanted) {
            Some(shortage) => tracing::warn!("{shortage}"),
            None => tracing::debug!("{allowance}"),
        }
    }
    Ok(())
}
