//! Whether records of a transaction may enter a partition. Pure but for the look at the log.
//!
//! They may where the transaction is open. To open it, the transaction coordinator is asked first
//! (KIP-890); what it says is void when a marker comes before the records do.

use protocol::error_code::ErrorCode;
use storage::log::ProducerState;

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
        standing(self.log.producer(producer_id), producer_epoch)
    }

    /// Whether records may enter now that were admitted before.
    ///
    /// # Errors
    /// `INVALID_PRODUCER_EPOCH`: the producer was fenced meanwhile, or its transaction was ended
    /// for it. `INVALID_TXN_STATE`: its transaction has ended.
    pub(crate) fn check_admission(
        &self,
        producer_id: i64,
        producer_epoch: i16,
        admission: Admission,
    ) -> Result<(), ErrorCode> {
        check(self.log.producer(producer_id), producer_epoch, admission)
    }
}

fn standing(known: Option<ProducerState>, producer_epoch: i16) -> Standing {
    let is_open = known.is_some_and(|known| {
        known.producer_epoch == producer_epoch && known.txn_first_offset.is_some()
    });
    if is_open {
        Standing::Open
    } else {
        Standing::Closed(LastMarker(known.and_then(|known| known.last_marker_offset)))
    }
}

fn check(
    known: Option<ProducerState>,
    producer_epoch: i16,
    admission: Admission,
) -> Result<(), ErrorCode> {
    match (admission, standing(known, producer_epoch)) {
        (Admission::Unchecked, _) | (_, Standing::Open) => Ok(()),
        (Admission::Verified(before) | Admission::Added(before), Standing::Closed(now))
            if before == now =>
        {
            Ok(())
        }
        // Kafka would say so had the marker come before the coordinator was asked: clients begin
        // anew after it, and take the other code for a fault of their own
        _ if known.is_some_and(|known| known.producer_epoch > producer_epoch) => {
            Err(ErrorCode::InvalidProducerEpoch)
        }
        (Admission::Open | Admission::Verified(_) | Admission::Added(_), Standing::Closed(_)) => {
            Err(ErrorCode::InvalidTxnState)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: i16 = 4;

    fn producer(epoch: i16, open_at: Option<i64>, marker_at: Option<i64>) -> ProducerState {
        ProducerState {
            producer_id: 7,
            producer_epoch: epoch,
            last_sequence: -1,
            last_timestamp: 0,
            coordinator_epoch: 0,
            txn_first_offset: open_at,
            last_marker_offset: marker_at,
        }
    }

    fn closed(known: Option<ProducerState>) -> LastMarker {
        match standing(known, EPOCH) {
            Standing::Closed(marker) => marker,
            Standing::Open => panic!("it is open"),
        }
    }

    #[test]
    fn records_enter_an_open_transaction() {
        let open = Some(producer(EPOCH, Some(10), Some(9)));
        assert_eq!(standing(open, EPOCH), Standing::Open);
        assert_eq!(check(open, EPOCH, Admission::Open), Ok(()));
        // a request before this one, admitted at the same time, has opened it
        let added = Admission::Added(closed(None));
        assert_eq!(check(open, EPOCH, added), Ok(()));
    }

    #[test]
    fn records_enter_when_no_marker_came_after_the_question() {
        let ended = Some(producer(EPOCH, None, Some(9)));
        for known in [None, ended] {
            let before = closed(known);
            assert_eq!(check(known, EPOCH, Admission::Added(before)), Ok(()));
            assert_eq!(check(known, EPOCH, Admission::Verified(before)), Ok(()));
        }
    }

    #[test]
    fn a_marker_of_the_same_epoch_makes_an_admission_void() {
        let ended = Some(producer(EPOCH, None, Some(12)));
        let before = closed(Some(producer(EPOCH, None, Some(9))));
        for admission in [
            Admission::Open,
            Admission::Verified(before),
            Admission::Added(before),
        ] {
            let checked = check(ended, EPOCH, admission);
            assert_eq!(checked, Err(ErrorCode::InvalidTxnState), "{admission:?}");
        }
    }

    /// A transaction that took too long is aborted with a new epoch while its records come.
    #[test]
    fn a_marker_that_fences_says_so() {
        let before = closed(None);
        for open_at in [None, Some(13)] {
            let fenced = Some(producer(EPOCH + 1, open_at, Some(12)));
            for admission in [
                Admission::Open,
                Admission::Verified(before),
                Admission::Added(before),
            ] {
                let checked = check(fenced, EPOCH, admission);
                assert_eq!(
                    checked,
                    Err(ErrorCode::InvalidProducerEpoch),
                    "{admission:?}"
                );
            }
        }
    }
}
