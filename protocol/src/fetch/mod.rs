//! Fetch: the request in flat form, and the response as pieces between which the caller puts the
//! records. Pure. Records are neither read nor copied here: a partition states how many bytes of
//! them there will be, and the frame's size is right before any is sent. Versions 4 to 18.

mod request;
mod response;

pub use request::{FetchPartition, FetchRequest, NO_REPLICA};
pub use response::{
    AbortedTransaction, EpochEndOffset, FetchFrame, FetchOutcome, FetchPiece, FetchResponse,
    SnapshotId,
};

const FLEXIBLE_SINCE: i16 = 12;
const TOPIC_ID_SINCE: i16 = 13;
const VERSIONS: std::ops::RangeInclusive<i16> = 4..=18;
