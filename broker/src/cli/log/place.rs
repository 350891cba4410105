//! Which data directory and which partitions a command is about, and the lock that keeps a broker out.
//! Shell.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use storage::offline::partitions_in;

use super::arguments::VerifyArguments;
use crate::control::metadata_log;
use crate::limits::directory::LOCK_FILE;

/// See the module.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) data_dir: PathBuf,
    pub(super) partitions: Vec<PathBuf>,
    /// Everything of the data directory is meant, not only partitions.
    pub(super) is_whole: bool,
    /// `None` when the directory was never locked by a broker.
    _lock: Option<File>,
}

impl Place {
    /// Finds it and keeps brokers out of it, without writing anything.
    ///
    /// # Errors
    /// A broker has it open, or there is no such directory or partition.
    pub(super) fn lock_for_reading(arguments: &VerifyArguments) -> anyhow::Result<Self> {
        let (data_dir, partitions, is_whole) = find(arguments)?;
        let lock = match File::open(data_dir.join(LOCK_FILE)) {
            Ok(file) => match file.try_lock() {
                Ok(()) => Some(file),
                Err(TryLockError::WouldBlock) => bail!(
                    "a broker has {} open; stop it first (`millrace log dump` works meanwhile)",
                    data_dir.display()
                ),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            },
            Err(_) => None,
        };
        Ok(Self {
            data_dir,
            partitions,
            is_whole,
            _lock: lock,
        })
    }

    /// Data directory, partitions, and whether everything is meant; brokers may come again.
    pub(super) fn unlock(self) -> (PathBuf, Vec<PathBuf>, bool) {
        (self.data_dir, self.partitions, self.is_whole)
    }
}

fn find(arguments: &VerifyArguments) -> anyhow::Result<(PathBuf, Vec<PathBuf>, bool)> {
    let dir = &arguments.dir;
    let dir = dir
        .canonicalize()
        .with_context(|| dir.display().to_string())?;
    if is_partition(&dir) {
        let data_dir = dir.parent().unwrap_or(&dir).to_owned();
        return Ok((data_dir, vec![dir], false));
    }
    if !arguments.partition.is_empty() {
        let partitions = arguments.partition.iter().map(|name| dir.join(name));
        let partitions: Vec<PathBuf> = partitions.collect();
        if let Some(missing) = partitions.iter().find(|path| !path.is_dir()) {
            bail!("there is no partition directory {}", missing.display());
        }
        return Ok((dir, partitions, false));
    }
    let partitions = partitions_in(&dir)?;
    let marks = [LOCK_FILE, "meta.properties", metadata_log::DIRECTORY];
    if partitions.is_empty() && !marks.iter().any(|name| dir.join(name).exists()) {
        bail!("{} is no data directory", dir.display());
    }
    Ok((dir, partitions, true))
}

/// A directory that has a partition's files, not partitions.
fn is_partition(dir: &Path) -> bool {
    dir.join("partition.metadata").exists() || dir.join(format!("{:020}.log", 0)).exists()
}

/// What to tell when a broker has the data directory of a file open.
pub(super) fn in_use(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let data_dir = path.ancestors().find(|dir| dir.join(LOCK_FILE).exists())?;
    let lock = File::open(data_dir.join(LOCK_FILE)).ok()?;
    let is_held = matches!(lock.try_lock(), Err(TryLockError::WouldBlock));
    is_held.then(|| {
        format!(
            "a broker has {} open: what it writes just now may be missing or cut",
            data_dir.display()
        )
    })
}
