//! Scenarios of the coordinator's rules, without a log or a clock.

use std::time::Duration;

use protocol::error_code::ErrorCode;

use super::describe::Filter;
use super::end::{EndOutcome, EndRequest};
use super::init::{InitOutcome, InitRequest};
use super::partitions::PartitionsRequest;
use super::transaction::{ProducerIdentity, Topics, TransactionState, TransactionVersion};
use super::transactions::{Effect, Prepared, Rules, Transactions};
use crate::coordinator::machine::{Decision, Machine as _, Now, Replay};
use crate::metadata::image::ClusterImage;

use TransactionVersion::{Classic, EpochBump};

const ID: &str = "id";
const TIMEOUT_MS: i32 = 60_000;

/// A coordinator whose records are durable at once.
struct Coordinator {
    transactions: Transactions,
    now: Now,
    effects: Vec<Effect>,
    next_producer_id: i64,
}

impl Coordinator {
    fn new() -> Self {
        Self {
            transactions: Transactions::with_rules(Rules {
                id_expiration_ms: 1_000_000,
                abort_interval: Duration::from_secs(10),
                expire_interval: Duration::from_secs(3_600),
            }),
            now: Now {
                wall_ms: 1_000,
                monotonic: Duration::from_secs(1),
            },
            effects: Vec::new(),
            next_producer_id: 100,
        }
    }

    /// Replays what was decided, as it returns from the log.
    fn take<R>(&mut self, decision: Decision<Transactions, R>) -> R {
        for record in decision.records {
            let last_epoch = record.metadata.as_ref().and_then(|known| known.last_epoch);
            let encoded = record.encode();
            let decoded = Transactions::decode(&encoded.key, encoded.value.as_ref());
            let mut returned = decoded.unwrap().unwrap();
            if let Some(metadata) = &mut returned.metadata {
                metadata.last_epoch = last_epoch;
            }
            assert_eq!(returned, record);
            self.transactions.replay(record, None, Replay::Live);
        }
        self.effects.extend(decision.effects);
        decision.response
    }

    fn init_as(
        &mut self,
        expected: Option<ProducerIdentity>,
    ) -> Result<ProducerIdentity, ErrorCode> {
        let request = InitRequest {
            transactional_id: ID.to_owned(),
            timeout_ms: TIMEOUT_MS,
            expected,
        };
        let mut fresh_id = None;
        loop {
            let decision = self.transactions.init(&request, fresh_id, self.now);
            match self.take(decision) {
                InitOutcome::Ready(producer) => return Ok(producer),
                InitOutcome::Refused(error) => return Err(error),
                InitOutcome::NeedsProducerId => fresh_id = Some(self.fresh_id()),
            }
        }
    }

    fn init(&mut self) -> ProducerIdentity {
        self.init_as(None).unwrap()
    }

    fn fresh_id(&mut self) -> i64 {
        self.next_producer_id += 1;
        self.next_producer_id
    }

    fn add(
        &mut self,
        producer: ProducerIdentity,
        version: TransactionVersion,
    ) -> Result<(), ErrorCode> {
        let request = partitions(producer, &[0, 1], version);
        let decision = self.transactions.add_partitions(&request, self.now);
        self.take(decision).map(|_| ())
    }

    fn end(
        &mut self,
        producer: ProducerIdentity,
        committed: bool,
        version: TransactionVersion,
    ) -> Result<ProducerIdentity, ErrorCode> {
        let request = EndRequest {
            transactional_id: ID.to_owned(),
            producer,
            committed,
            version,
        };
        let mut fresh_id = None;
        loop {
            let decision = self.transactions.end(&request, fresh_id, self.now);
            match self.take(decision) {
                EndOutcome::Decided(producer) | EndOutcome::DecidedBefore(producer) => {
                    return Ok(producer);
                }
                EndOutcome::Refused(error) => return Err(error),
                EndOutcome::NeedsProducerId => fresh_id = Some(self.fresh_id()),
            }
        }
    }

    /// Writes the markers that are due, as far as the test is concerned.
    fn complete(&mut self) -> Vec<Prepared> {
        let mut completed = Vec::new();
        for effect in std::mem::take(&mut self.effects) {
            if let Effect::WriteMarkers(prepared) = effect {
                let decision = self.transactions.complete(&prepared, self.now);
                self.take(decision);
                completed.push(prepared);
            }
        }
        completed
    }

    fn state(&self) -> TransactionState {
        self.transactions.by_id[ID].state
    }

    fn set_epoch(&mut self, epoch: i16) {
        self.transactions.by_id.get_mut(ID).unwrap().producer.epoch = epoch;
    }

    fn pass(&mut self, seconds: u64) {
        self.now.wall_ms += i64::try_from(seconds * 1000).unwrap();
        self.now.monotonic += Duration::from_secs(seconds);
    }

    fn sweep(&mut self) {
        let decision = self.transactions.sweep(self.now);
        self.take(decision);
    }
}

fn partitions(
    producer: ProducerIdentity,
    indexes: &[i32],
    version: TransactionVersion,
) -> PartitionsRequest {
    PartitionsRequest {
        transactional_id: ID.to_owned(),
        producer,
        topics: Topics::from([("topic".to_owned(), indexes.iter().copied().collect())]),
        version,
    }
}

fn at(id: i64, epoch: i16) -> ProducerIdentity {
    ProducerIdentity { id, epoch }
}

#[test]
fn each_init_fences_the_producer_before() {
    let mut coordinator = Coordinator::new();
    let first = coordinator.init();
    let second = coordinator.init();
    assert_eq!((first, second), (at(101, 0), at(101, 1)));
    assert_eq!(
        coordinator.add(first, Classic),
        Err(ErrorCode::ProducerFenced)
    );
    assert_eq!(coordinator.add(second, Classic), Ok(()));
    assert_eq!(
        coordinator.add(at(7, 1), Classic),
        Err(ErrorCode::InvalidProducerIdMapping)
    );
}

#[test]
fn an_unknown_id_has_no_transactions() {
    let mut coordinator = Coordinator::new();
    let unknown = Err(ErrorCode::InvalidProducerIdMapping);
    assert_eq!(coordinator.add(at(1, 0), Classic), unknown);
    assert!(coordinator.end(at(1, 0), true, Classic).is_err());
    assert!(coordinator.end(at(1, 0), true, EpochBump).is_err());
    assert_eq!(
        coordinator.transactions.describe(ID).error_code,
        i16::from(ErrorCode::TransactionalIdNotFound)
    );
}

#[test]
fn a_classic_transaction_keeps_its_epoch() {
    let mut coordinator = Coordinator::new();
    let producer = coordinator.init();
    for committed in [true, false, true] {
        coordinator.add(producer, Classic).unwrap();
        assert_eq!(coordinator.end(producer, committed, Classic), Ok(producer));
        let again = coordinator.end(producer, committed, Classic);
        assert_eq!(again, Err(ErrorCode::ConcurrentTransactions));
        let other = coordinator.end(producer, !committed, Classic);
        assert_eq!(other, Err(ErrorCode::InvalidTxnState));
        assert_eq!(
            coordinator.add(producer, Classic),
            Err(ErrorCode::ConcurrentTransactions)
        );
        let prepared = coordinator.complete();
        assert_eq!(prepared.len(), 1);
        assert_eq!(prepared[0].producer, producer);
        assert_eq!(coordinator.end(producer, committed, Classic), Ok(producer));
        let other = coordinator.end(producer, !committed, Classic);
        assert_eq!(other, Err(ErrorCode::InvalidTxnState));
    }
}

#[test]
fn nothing_to_end_is_an_invalid_state_for_a_classic_producer() {
    let mut coordinator = Coordinator::new();
    let producer = coordinator.init();
    for committed in [true, false] {
        let ended = coordinator.end(producer, committed, Classic);
        assert_eq!(ended, Err(ErrorCode::InvalidTxnState));
    }
}

#[test]
fn each_transaction_of_version_two_has_its_epoch() {
    let mut coordinator = Coordinator::new();
    let mut producer = coordinator.init();
    for committed in [true, false, true] {
        coordinator.add(producer, EpochBump).unwrap();
        let next = coordinator.end(producer, committed, EpochBump).unwrap();
        assert_eq!(next, at(producer.id, producer.epoch + 1));
        let again = coordinator.end(producer, committed, EpochBump);
        assert_eq!(again, Err(ErrorCode::ConcurrentTransactions));
        // the end of the next one, which has written nothing
        let early = coordinator.end(next, false, EpochBump);
        assert_eq!(early, Err(ErrorCode::ConcurrentTransactions));
        let early = coordinator.add(next, EpochBump);
        assert_eq!(early, Err(ErrorCode::ConcurrentTransactions));
        let prepared = coordinator.complete();
        assert_eq!(prepared[0].producer, next, "markers carry the new epoch");
        assert_eq!(coordinator.end(producer, committed, EpochBump), Ok(next));
        let other = coordinator.end(producer, !committed, EpochBump);
        assert_eq!(other, Err(ErrorCode::InvalidTxnState));
        assert_eq!(
            coordinator.add(producer, EpochBump),
            Err(ErrorCode::ProducerFenced)
        );
        producer = next;
    }
}

#[test]
fn an_abort_of_nothing_bumps_the_epoch_and_a_commit_of_nothing_is_refused() {
    let mut coordinator = Coordinator::new();
    let mut producer = coordinator.init();
    for _ in 0..2 {
        let ended = coordinator.end(producer, true, EpochBump);
        assert_eq!(ended, Err(ErrorCode::InvalidTxnState));
        let next = coordinator.end(producer, false, EpochBump).unwrap();
        assert_eq!(next.epoch, producer.epoch + 1);
        coordinator.complete();
        assert_eq!(coordinator.state(), TransactionState::CompleteAbort);
        producer = next;
    }
}

#[test]
fn the_last_epoch_leads_to_another_producer_id() {
    let mut coordinator = Coordinator::new();
    let first = coordinator.init();
    coordinator.set_epoch(i16::MAX - 1);
    let producer = at(first.id, i16::MAX - 1);
    coordinator.add(producer, EpochBump).unwrap();
    let next = coordinator.end(producer, true, EpochBump).unwrap();
    assert_eq!(next.epoch, 0);
    assert_ne!(next.id, producer.id);
    let prepared = coordinator.complete();
    assert_eq!(prepared[0].producer, at(first.id, i16::MAX));
    assert_eq!(coordinator.end(producer, true, EpochBump), Ok(next));
    assert_eq!(coordinator.add(next, EpochBump), Ok(()));

    let mut coordinator = Coordinator::new();
    let first = coordinator.init();
    coordinator.set_epoch(i16::MAX - 1);
    let next = coordinator.init();
    assert_eq!(next.epoch, 0);
    assert_ne!(next.id, first.id);
}

#[test]
fn an_init_aborts_what_is_ongoing_and_the_producer_before_is_fenced() {
    let mut coordinator = Coordinator::new();
    let old = coordinator.init();
    coordinator.add(old, EpochBump).unwrap();
    assert_eq!(
        coordinator.init_as(None),
        Err(ErrorCode::ConcurrentTransactions)
    );
    assert_eq!(coordinator.state(), TransactionState::PrepareAbort);
    assert_eq!(
        coordinator.init_as(None),
        Err(ErrorCode::ConcurrentTransactions)
    );
    let prepared = coordinator.complete();
    assert!(!prepared[0].committed);
    assert!(prepared[0].producer.epoch > old.epoch);
    let new = coordinator.init();
    assert!(new.epoch > prepared[0].producer.epoch);
    assert_eq!(
        coordinator.add(old, EpochBump),
        Err(ErrorCode::ProducerFenced)
    );
}

#[test]
fn a_producer_that_names_itself_is_bumped_once() {
    let mut coordinator = Coordinator::new();
    let first = coordinator.init();
    let second = coordinator.init_as(Some(first)).unwrap();
    assert_eq!(second, at(first.id, 1));
    let retried = coordinator.init_as(Some(first)).unwrap();
    assert_eq!(retried, second);
    coordinator.init();
    for stale in [first, second, at(7, 0)] {
        let refused = coordinator.init_as(Some(stale));
        assert_eq!(refused, Err(ErrorCode::ProducerFenced));
    }
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted() {
    let mut coordinator = Coordinator::new();
    let producer = coordinator.init();
    coordinator.add(producer, EpochBump).unwrap();
    assert!(coordinator.transactions.next_deadline().is_some());
    coordinator.pass(59);
    coordinator.sweep();
    assert_eq!(coordinator.state(), TransactionState::Ongoing);
    coordinator.pass(11);
    coordinator.sweep();
    assert_eq!(coordinator.state(), TransactionState::PrepareAbort);
    assert_eq!(coordinator.complete().len(), 1);
    let late = coordinator.end(producer, true, EpochBump);
    assert_eq!(late, Err(ErrorCode::InvalidTxnState));
    let classic = coordinator.end(producer, true, Classic);
    assert_eq!(classic, Err(ErrorCode::ProducerFenced));
}

#[test]
fn an_unused_id_is_forgotten() {
    let mut coordinator = Coordinator::new();
    let producer = coordinator.init();
    coordinator.pass(999);
    coordinator.add(producer, EpochBump).unwrap();
    coordinator.pass(2_700);
    coordinator.sweep();
    coordinator.complete();
    assert_eq!(coordinator.state(), TransactionState::CompleteAbort);
    coordinator.pass(4_000);
    coordinator.sweep();
    assert!(coordinator.transactions.by_id.is_empty());
    assert_eq!(coordinator.init().epoch, 0);
}

#[test]
fn decided_transactions_are_resumed_after_a_start() {
    let mut coordinator = Coordinator::new();
    let producer = coordinator.init();
    coordinator.add(producer, EpochBump).unwrap();
    coordinator.end(producer, true, EpochBump).unwrap();
    coordinator.effects.clear();
    let image = ClusterImage::empty("cluster".into());
    coordinator.transactions.loaded(coordinator.now, &image);
    assert_eq!(
        coordinator.transactions.next_deadline(),
        Some(Duration::ZERO)
    );
    coordinator.sweep();
    let prepared = coordinator.complete();
    assert!(prepared[0].committed);
    assert_eq!(prepared[0].topics["topic"].len(), 2);
    assert_eq!(coordinator.state(), TransactionState::CompleteCommit);
}

#[test]
fn a_completion_that_comes_late_changes_nothing() {
    let mut coordinator = Coordinator::new();
    let producer = coordinator.init();
    coordinator.add(producer, Classic).unwrap();
    coordinator.end(producer, true, Classic).unwrap();
    let prepared = coordinator.complete().remove(0);
    coordinator.add(producer, Classic).unwrap();
    let decision = coordinator
        .transactions
        .complete(&prepared, coordinator.now);
    assert!(decision.records.is_empty());
}

#[test]
fn only_partitions_of_the_transaction_are_verified() {
    let mut coordinator = Coordinator::new();
    let producer = coordinator.init();
    coordinator.add(producer, Classic).unwrap();
    let missing = |coordinator: &Coordinator, indexes: &[i32]| {
        let request = partitions(producer, indexes, Classic);
        coordinator.transactions.missing_partitions(&request)
    };
    assert_eq!(missing(&coordinator, &[0, 1]), Ok(Topics::new()));
    let expected = Topics::from([("topic".to_owned(), [5].into())]);
    assert_eq!(missing(&coordinator, &[1, 5]), Ok(expected));
    coordinator.end(producer, true, Classic).unwrap();
    assert_eq!(
        missing(&coordinator, &[0]),
        Err(ErrorCode::ConcurrentTransactions)
    );
}

#[test]
fn operators_see_states_and_filter_them() {
    let mut coordinator = Coordinator::new();
    let producer = coordinator.init();
    coordinator.add(producer, EpochBump).unwrap();
    coordinator.pass(5);
    let described = coordinator.transactions.describe(ID);
    assert_eq!(described.transaction_state, "Ongoing");
    assert_eq!(described.transaction_start_time_ms, 1_000);
    assert_eq!(described.topics[0].partitions, [0, 1]);
    let all = Filter {
        longer_than_ms: -1,
        ..Filter::default()
    };
    let listed = |filter: &Filter| {
        let now_ms = coordinator.now.wall_ms;
        coordinator.transactions.list(filter, now_ms).len()
    };
    assert_eq!(listed(&all), 1);
    for (filter, count) in [
        (
            Filter {
                states: vec!["Ongoing".to_owned()],
                ..all.clone()
            },
            1,
        ),
        (
            Filter {
                states: vec!["Empty".to_owned()],
                ..all.clone()
            },
            0,
        ),
        (
            Filter {
                producer_ids: vec![producer.id],
                ..all.clone()
            },
            1,
        ),
        (
            Filter {
                producer_ids: vec![1],
                ..all.clone()
            },
            0,
        ),
        (
            Filter {
                longer_than_ms: 4_999,
                ..all.clone()
            },
            1,
        ),
        (
            Filter {
                longer_than_ms: 5_000,
                ..all
            },
            0,
        ),
    ] {
        assert_eq!(listed(&filter), count, "{filter:?}");
    }
}
