//! What the machine allows this process, asked and raised once at the start: descriptors, locked
//! memory, cores, ports, disk. Shell; runs before any shard.

pub(crate) mod cores;
pub(crate) mod directory;
pub(crate) mod ports;
mod system;

pub(crate) use system::{Resource, pin_to_core, raise};

/// Descriptors that the broker asks for: connections, and three files for each open partition.
pub(crate) const DESCRIPTORS_WANTED: u64 = 65_536;
/// Files, and connections where they are not bounded, that a broker needs for modest use.
pub(crate) const DESCRIPTORS_LEAST: u64 = 4_096;
/// Descriptors kept for files beside the connections that are allowed.
pub(crate) const DESCRIPTORS_OF_FILES: u64 = 2_048;
/// Memory that rings and their registered buffers may lock.
pub(crate) const LOCKED_MEMORY_WANTED: u64 = 64 << 20;
/// What the control thread's rings register.
pub(crate) const LOCKED_MEMORY_LEAST: u64 = 4 << 20;
