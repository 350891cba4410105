//! What an operation is in the log of a seed, and in its digest. Pure.

use storage::ring::Request;

/// For the trace.
pub(crate) fn describe(request: &Request<'_>) -> String {
    match request {
        Request::Write {
            file,
            parts,
            position,
            durable,
        } => {
            let bytes: usize = parts.iter().map(|part| part.len()).sum();
            format!("write {bytes} at {position} of {file}, durable: {durable}")
        }
        Request::Read {
            file,
            into,
            position,
        } => format!("read {} at {position} of {file}", into.len()),
        Request::Open { .. }
        | Request::MakeDir { .. }
        | Request::Rename { .. }
        | Request::Unlink { .. }
        | Request::Sync { .. }
        | Request::Allocate { .. }
        | Request::Truncate { .. } => format!("{request:?}"),
    }
}

/// For the digest.
pub(crate) fn kind(request: &Request<'_>) -> u64 {
    match request {
        Request::Open { .. } => 1,
        Request::MakeDir { .. } => 2,
        Request::Rename { .. } => 3,
        Request::Unlink { .. } => 4,
        Request::Read { position, .. } => 5 + (position << 8),
        Request::Write { position, .. } => 6 + (position << 8),
        Request::Sync { file } => 7 + (u64::from(file.unsigned_abs()) << 8),
        Request::Allocate { .. } => 8,
        Request::Truncate { len, .. } => 9 + (len << 8),
    }
}
