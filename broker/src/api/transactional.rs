//! What the requests of transactional producers have in common. Pure.

use protocol::error_code::ErrorCode;

/// Clients before KIP-588 know a fenced producer by another name.
const FENCED_FROM_VERSION: i16 = 2;

/// The error as a client knows it who adds to its transaction or ends it.
pub(crate) fn fencing_error(error: ErrorCode, version: i16) -> ErrorCode {
    if error == ErrorCode::ProducerFenced && version < FENCED_FROM_VERSION {
        ErrorCode::InvalidProducerEpoch
    } else {
        error
    }
}
