//! The invariants, by name.
//!
//! | name | what it says |
//! |---|---|
//! | NothingAcknowledgedIsLost | what was below the durable offset at any time is in the log, byte for byte, unless it was deleted |
//! | NothingIsInvented | what is in the log was appended, at that offset |
//! | OffsetsAreContiguous | batches follow each other without gaps or overlaps; in a compacted log they only go forward |
//! | LeaderEpochsStay | a batch has the leader epoch that it was appended with |
//! | ReadersSeeWholeBatches | a read returns whole batches, from the one that has the offset |
//! | ReadersSeeOnlyDurable | a read of what is durable returns nothing above it |
//! | StartOffsetNeverFallsBack | a log begins where it was moved to, and nowhere that nobody asked for; only one without any acknowledged record may lose its first segment |
//! | DuplicatesStayFound | a batch that is sent again is found, and the next one of its producer is taken |
//! | StableOffsetIsRight | the last stable offset is where the oldest undecided transaction begins |
//! | AbortedAreListed | the aborted transactions of a range are those of the markers |
//! | LatestOfEachKeyStays | compaction keeps the latest record of each key |
//! | DeletedStaysDeleted | a topic that was made again has nothing of the one before |
//! | RecoveryIsIdempotent | a start after a start finds the same |
//! | DamageIsNamedNotServed | bytes that the medium changed are an error, fail their checksum, or do not follow |
//! | LogsOpen | without damage every log opens; without failures at the first try; with some its entries are kept |
//! | SpaceReturns | a disk that is no longer full takes records again |
//! | NothingIsStuck | every life goes on to its end |
//! | NothingPanics | the engine's own assertions hold |
//! | NothingIsLeaked | the store and its tasks end with their owners |

/// A broken invariant.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) name: &'static str,
    pub(crate) detail: String,
}

impl Violation {
    pub(crate) fn new(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            detail: detail.into(),
        }
    }
}
