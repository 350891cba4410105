//! The mark of a data directory that says which formats its files have. Shell; a text of two lines.
//!
//! It is one number for all of them: a version that changes a format so that an older one would
//! misread it writes a higher number, and the older one refuses the directory before it touches
//! anything. A directory without the mark is from before there was one, and has format 1.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::durable_file;

/// The mark's file.
const FILE: &str = "format.version";
/// What this version reads and writes.
const FORMAT: u32 = 1;
const FIRST_LINE: &str = "Millrace data directory";

/// Why a directory is not touched.
#[derive(Debug, Error)]
pub enum FormatMarkError {
    #[error(
        "{path} says that a newer Millrace has written this directory: format {found}, this version reads up to {FORMAT}; start that newer version, or give an empty or restored directory"
    )]
    Newer { path: PathBuf, found: u32 },
    #[error(
        "{path} is damaged; when no newer Millrace has written the directory, remove that file and start again"
    )]
    Damaged { path: PathBuf },
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Refuses a directory of a newer format; marks one that has no mark yet.
///
/// # Errors
/// The format is newer or cannot be told, or the mark cannot be read or written.
pub fn check_format(data_dir: &Path) -> Result<(), FormatMarkError> {
    let path = data_dir.join(FILE);
    let io = |source| FormatMarkError::Io {
        path: path.clone(),
        source,
    };
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(data_dir).map_err(io)?;
            let text = text_of(FORMAT);
            return durable_file::replace(data_dir, FILE, text.as_bytes()).map_err(io);
        }
        Err(error) => return Err(io(error)),
    };
    match format_in(&String::from_utf8_lossy(&text)) {
        Some(found) if found <= FORMAT => Ok(()),
        Some(found) => Err(FormatMarkError::Newer { path, found }),
        None => Err(FormatMarkError::Damaged { path }),
    }
}

fn text_of(format: u32) -> String {
    format!("{FIRST_LINE}\nformat: {format}\n")
}

fn format_in(text: &str) -> Option<u32> {
    let mut lines = text.lines();
    if lines.next()? != FIRST_LINE {
        return None;
    }
    lines.next()?.strip_prefix("format: ")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_is_marked_and_a_newer_one_refused() {
        let dir = tempfile::tempdir().unwrap();
        check_format(dir.path()).unwrap();
        check_format(dir.path()).unwrap();
        std::fs::write(dir.path().join(FILE), text_of(FORMAT + 1)).unwrap();
        let newer = check_format(dir.path()).unwrap_err().to_string();
        assert!(
            newer.contains("format 2, this version reads up to 1"),
            "{newer}"
        );
        std::fs::write(dir.path().join(FILE), "garbage").unwrap();
        let damaged = check_format(dir.path());
        assert!(matches!(damaged, Err(FormatMarkError::Damaged { .. })));
    }
}
