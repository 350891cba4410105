//! Whether records of a transaction may enter a partition. Pure but for the look at the log.
//!
//! They may where the transaction is open. To open it, the transaction coordinator is asked first
//! (KIP-890); what it says is void when a marker comes before the records do.

use protocol::error_code::ErrorCode;

use super::Partition;

/// The last marker of a producer that a partition had seen at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastMarker(Option<i64>);

/// How a producer's transaction stands in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    Closed(LastMarker),
}

/// Why records of a transaction may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The transaction was open.
    Open,
    /// The coordinator knows of it, and was asked after this marker.
    Verified(LastMarker),
    /// The same, and the partition was added for these records: they are its first.
    Added(LastMarker),
    /// Nobody was asked: that is switched off, or the records belong to no transaction.
    Unchecked,
}

impl Partition {
    pub(crate) fn standing(&self, producer_id: i64, producer_epoch: i16) -> Standing {
        let known = self.log.producer(producer_id);
        let is_open = known.is_some_and(|known| {
            known.producer_epoch == producer_epoch && known.txn_first_offset.is_some()
        });
        if is_open {
            Standing::Open
        } else {
            Standing::Closed(LastMarker(known.and_then(|known| known.last_marker_offset)))
        }
    }

    /// Whether records may enter now that were admitted before.
    ///
    /// # Errors
    /// `INVALID_TXN_STATE`: the transaction has ended meanwhile.
    pub(crate) fn check_admission(
        &self,
        producer_id: i64,
        producer_epoch: i16,
        admission: Admission,
    ) -> Result<(), ErrorCode> {
        match (admission, self.standing(producer_id, producer_epoch)) {
            (Admission::Unchecked, _) | (_, Standing::Open) => Ok(()),
            (Admission::Verified(before) | Admission::Added(before), Standing::Closed(now))
                if before == now =>
            {
                Ok(())
            }
            (
                Admission::Open | Admission::Verified(_) | Admission::Added(_),
                Standing::Closed(_),
            ) => Err(ErrorCode::InvalidTxnState),
        }
    }
}
