//! Producers, the coordinator and partitions in one seeded simulation, with crashes between any two
//! steps: the real rules of both sides, a log that keeps what was written, no clock.
//!
//! Invariants, by name:
//! * ATOMIC: of a transaction that was committed all records are visible, of any other none.
//! * FENCED: only who has initialised a transactional id last can end its transactions.
//! * STABLE: the last stable offset never passes an open transaction, and never goes back.
//! * LISTED: what a reader passes over, told by the aborted transactions, is what was aborted.
//! * NO-HANG: when everything has come to rest no transaction is open.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protocol::records::{BatchHeader, NO_SEQUENCE};
use storage::log::aborted::AbortedIndex;
use storage::log::producers::{Expiry, Producers};
use storage::log::transactions::{Marker, TransactionEnd};

use super::end::{EndOutcome, EndRequest};
use super::init::{InitOutcome, InitRequest};
use super::partitions::PartitionsRequest;
use super::record::TransactionRecord;
use super::transaction::{ProducerIdentity, Topics, TransactionVersion};
use super::transactions::{Effect, Prepared, Rules, Transactions};
use crate::coordinator::machine::{Decision, Machine as _, Now, Replay};
use crate::metadata::image::ClusterImage;

const PARTITIONS: i32 = 3;
const PRODUCERS: usize = 4;
const STEPS: usize = 600;
const SEEDS: u64 = 500;
const TOPIC: &str = "topic";

/// A small generator of our own, so that a seed means the same for ever.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What stands at an offset: a record of a producer's transaction, by the transaction's number.
#[derive(Debug, Clone, Copy)]
enum Entry {
    Record {
        producer: ProducerIdentity,
        transaction: u64,
    },
    Marker,
}

/// One partition: durable at once.
#[derive(Default)]
struct Partition {
    entries: Vec<Entry>,
    producers: Producers,
    aborted: AbortedIndex,
    stable: i64,
}

const EXPIRY: Expiry = Expiry {
    now_ms: 0,
    expiration_ms: i64::MAX,
};

impl Partition {
    fn end(&self) -> i64 {
        i64::try_from(self.entries.len()).unwrap()
    }

    fn header(&self, producer: ProducerIdentity, sequence: i32, attributes: i16) -> BatchHeader {
        BatchHeader {
            base_offset: self.end(),
            batch_length: 100,
            partition_leader_epoch: 0,
            magic: 2,
            crc: 0,
            attributes,
            last_offset_delta: 0,
            base_timestamp: 0,
            max_timestamp: 0,
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            base_sequence: sequence,
            records_count: 1,
        }
    }

    /// The last marker, or none when the transaction is open (`Standing` of the real one).
    fn standing(&self, producer: ProducerIdentity) -> Result<(), Option<i64>> {
        let known = self.producers.get(producer.id);
        match known {
            Some(known) if known.epoch == producer.epoch && known.txn_first_offset.is_some() => {
                Ok(())
            }
            known => Err(known.and_then(|known| known.last_marker_offset)),
        }
    }

    fn append(&mut self, producer: ProducerIdentity, transaction: u64) -> bool {
        let sequence = match self.producers.get(producer.id) {
            Some(known) if known.epoch == producer.epoch => known
                .marks()
                .last()
                .map_or(0, |mark| mark.last_sequence + 1),
            Some(_) | None => 0,
        };
        let header = self.header(producer, sequence, 1 << 4);
        if self.producers.check(&header, EXPIRY).is_err() {
            return false;
        }
        self.producers.record(&header, 0, 1000);
        self.entries.push(Entry::Record {
            producer,
            transaction,
        });
        self.check_stable();
        true
    }

    fn mark(&mut self, marker: &Marker) {
        if self.producers.check_marker(marker).is_err() {
            return;
        }
        let producer = ProducerIdentity {
            id: marker.producer_id,
            epoch: marker.producer_epoch,
        };
        let header = self.header(producer, NO_SEQUENCE, 0b11 << 4);
        let ended = self.producers.record_marker(&header, marker.end, 0, 1000);
        self.entries.push(Entry::Marker);
        if let Some(ended) = ended {
            let open = self.producers.first_open_offset();
            self.aborted
                .note(&ended, open.unwrap_or_else(|| self.end()));
        }
        self.check_stable();
    }

    fn check_stable(&mut self) {
        let stable = self
            .producers
            .first_open_offset()
            .unwrap_or_else(|| self.end());
        assert!(stable >= self.stable, "STABLE: it went back");
        self.stable = stable;
    }

    /// The transactions of which a reader of committed records sees something, with how much.
    fn visible(&self) -> BTreeMap<u64, usize> {
        let mut aborted = Vec::new();
        self.aborted.collect(0, self.stable, &mut aborted);
        let mut seen = BTreeMap::new();
        for (offset, entry) in (0..self.stable).zip(&self.entries) {
            let Entry::Record {
                producer,
                transaction,
            } = entry
            else {
                continue;
            };
            let passed_over = aborted.iter().any(|one| {
                one.producer_id == producer.id
                    && one.first_offset <= offset
                    && offset <= one.last_offset
            });
            if !passed_over {
                *seen.entry(*transaction).or_default() += 1;
            }
        }
        seen
    }
}

/// A producer process; two of them share each transactional id.
struct Producer {
    transactional_id: String,
    version: TransactionVersion,
    identity: Option<ProducerIdentity>,
    /// The number of the transaction, and the partitions that a classic producer has added.
    transaction: u64,
    added: BTreeSet<i32>,
    /// Asked for admission to a partition before this marker, and not written yet.
    admitted: Option<(i32, Option<i64>)>,
    /// Records written to each partition.
    written: BTreeMap<i32, usize>,
}

/// What a transaction was told at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Committed,
    Aborted,
    /// The answer was lost, or the producer was.
    Unknown,
}

struct Simulation {
    random: Random,
    log: Vec<TransactionRecord>,
    coordinator: Transactions,
    now: Now,
    partitions: Vec<Partition>,
    producers: Vec<Producer>,
    /// Markers on their way; a crash loses them.
    markers: Vec<(Prepared, Vec<i32>)>,
    next_producer_id: i64,
    next_transaction: u64,
    told: BTreeMap<u64, (Told, BTreeMap<i32, usize>)>,
    /// Who has initialised each transactional id last.
    owners: BTreeMap<String, usize>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let producer = |number: usize| Producer {
            transactional_id: format!("id-{}", number / 2),
            version: if number.is_multiple_of(3) {
                TransactionVersion::Classic
            } else {
                TransactionVersion::EpochBump
            },
            identity: None,
            transaction: 0,
            added: BTreeSet::new(),
            admitted: None,
            written: BTreeMap::new(),
        };
        Self {
            random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            log: Vec::new(),
            coordinator: Transactions::with_rules(rules()),
            now: Now {
                wall_ms: 0,
                monotonic: Duration::ZERO,
            },
            partitions: (0..PARTITIONS).map(|_| Partition::default()).collect(),
            producers: (0..PRODUCERS).map(producer).collect(),
            markers: Vec::new(),
            next_producer_id: 0,
            next_transaction: 0,
            told: BTreeMap::new(),
            owners: BTreeMap::new(),
        }
    }

    /// Makes a decision durable; returns `None` when a crash comes before the answer.
    fn take<R>(&mut self, decision: Decision<Transactions, R>) -> Option<R> {
        for record in decision.records {
            self.coordinator.replay(record.clone(), None, Replay::Live);
            self.log.push(record);
        }
        for effect in decision.effects {
            if let Effect::WriteMarkers(prepared) = effect {
                let partitions = prepared.topics.values().flatten().copied().collect();
                self.markers.push((prepared, partitions));
            }
        }
        if self.random.chance(3) {
            self.crash();
            return None;
        }
        Some(decision.response)
    }

    /// The coordinator loses what is not in its log; partitions lose what is only in memory.
    fn crash(&mut self) {
        self.coordinator = Transactions::with_rules(rules());
        for record in &self.log {
            let encoded = record.encode();
            let decoded = Transactions::decode(&encoded.key, encoded.value.as_ref());
            self.coordinator
                .replay(decoded.unwrap().unwrap(), None, Replay::Load);
        }
        let image = ClusterImage::empty("cluster".into());
        self.coordinator.loaded(self.now, &image);
        self.markers.clear();
        for producer in &mut self.producers {
            producer.admitted = None;
        }
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0 => self.pass_time(),
            1..4 => self.write_marker(),
            _ => {
                let number = usize::try_from(self.random.below(PRODUCERS as u64)).unwrap();
                self.produce(number);
            }
        }
    }

    fn pass_time(&mut self) {
        self.now.wall_ms += 400;
        self.now.monotonic += Duration::from_millis(400);
        let decision = self.coordinator.sweep(self.now);
        self.take(decision);
    }

    /// One marker of one transaction enters its partition; with the last one it is complete.
    fn write_marker(&mut self) {
        if self.markers.is_empty() {
            if self.coordinator.next_deadline() == Some(Duration::ZERO) {
                let decision = self.coordinator.sweep(self.now);
                self.take(decision);
            }
            return;
        }
        let at = usize::try_from(self.random.below(self.markers.len() as u64)).unwrap();
        let (prepared, missing) = &mut self.markers[at];
        let Some(partition) = missing.pop() else {
            let (prepared, _) = self.markers.swap_remove(at);
            let decision = self.coordinator.complete(&prepared, self.now);
            self.take(decision);
            return;
        };
        let marker = Marker {
            producer_id: prepared.producer.id,
            producer_epoch: prepared.producer.epoch,
            end: TransactionEnd {
                committed: prepared.committed,
                coordinator_epoch: 0,
            },
            bumps_epoch: prepared.version == TransactionVersion::EpochBump,
        };
        self.partitions[usize::try_from(partition).unwrap()].mark(&marker);
    }

    fn produce(&mut self, number: usize) {
        let Some(identity) = self.producers[number].identity else {
            return self.init(number);
        };
        if let Some((partition, before)) = self.producers[number].admitted.take() {
            return self.write(number, identity, partition, before);
        }
        match self.random.below(10) {
            0 => self.end(number, identity, false),
            1 | 2 => self.end(number, identity, true),
            3 if self.random.chance(20) => self.abandon(number),
            _ => self.ask(number, identity),
        }
    }

    /// The process dies, or begins anew.
    fn abandon(&mut self, number: usize) {
        self.note_told(number, Told::Unknown);
        self.producers[number].identity = None;
    }

    fn init(&mut self, number: usize) {
        let request = InitRequest {
            transactional_id: self.producers[number].transactional_id.clone(),
            timeout_ms: 5_000,
            expected: None,
        };
        self.next_producer_id += 1;
        let fresh_id = Some(self.next_producer_id);
        let decision = self.coordinator.init(&request, fresh_id, self.now);
        let id = request.transactional_id;
        if matches!(decision.response, InitOutcome::Ready(_)) {
            // also when the answer is lost: then nobody has it
            self.owners.remove(&id);
        }
        if let Some(InitOutcome::Ready(identity)) = self.take(decision) {
            self.owners.insert(id, number);
            self.producers[number].identity = Some(identity);
            self.begin(number);
        }
    }

    fn begin(&mut self, number: usize) {
        self.next_transaction += 1;
        let producer = &mut self.producers[number];
        producer.transaction = self.next_transaction;
        producer.added.clear();
        producer.admitted = None;
        producer.written.clear();
    }

    /// Asks for admission; the write comes in a later step.
    fn ask(&mut self, number: usize, identity: ProducerIdentity) {
        let partition = i32::try_from(self.random.below(3)).unwrap();
        let standing = self.partitions[usize::try_from(partition).unwrap()].standing(identity);
        let producer = &self.producers[number];
        let is_classic = producer.version == TransactionVersion::Classic;
        let is_added = producer.added.contains(&partition);
        let request = PartitionsRequest {
            transactional_id: producer.transactional_id.clone(),
            producer: identity,
            topics: Topics::from([(TOPIC.to_owned(), [partition].into())]),
            version: producer.version,
        };
        if is_classic && !is_added {
            // adds first, and writes in a later step
            let decision = self.coordinator.add_partitions(&request, self.now);
            if let Some(Ok(_)) = self.take(decision) {
                self.producers[number].added.insert(partition);
            }
            return;
        }
        let admitted = match standing {
            Ok(()) => Some((partition, None)),
            Err(before) if is_classic => {
                let missing = self.coordinator.missing_partitions(&request);
                let is_whole = missing.is_ok_and(|missing| missing.is_empty());
                is_whole.then_some((partition, before))
            }
            Err(before) => {
                let decision = self.coordinator.add_partitions(&request, self.now);
                let added = self.take(decision);
                matches!(added, Some(Ok(_))).then_some((partition, before))
            }
        };
        self.producers[number].admitted = admitted;
    }

    fn write(
        &mut self,
        number: usize,
        identity: ProducerIdentity,
        partition: i32,
        before: Option<i64>,
    ) {
        let transaction = self.producers[number].transaction;
        let log = &mut self.partitions[usize::try_from(partition).unwrap()];
        if log.standing(identity).is_err_and(|now| now != before) {
            return;
        }
        if log.append(identity, transaction) {
            *self.producers[number].written.entry(partition).or_default() += 1;
        }
    }

    fn end(&mut self, number: usize, identity: ProducerIdentity, committed: bool) {
        let producer = &self.producers[number];
        let request = EndRequest {
            transactional_id: producer.transactional_id.clone(),
            producer: identity,
            committed,
            version: producer.version,
        };
        self.next_producer_id += 1;
        let fresh_id = Some(self.next_producer_id);
        let decision = self.coordinator.end(&request, fresh_id, self.now);
        match self.take(decision) {
            Some(EndOutcome::Decided(next)) => {
                let owner = self.owners.get(&request.transactional_id);
                assert_eq!(owner, Some(&number), "FENCED");
                let told = if committed {
                    Told::Committed
                } else {
                    Told::Aborted
                };
                self.note_told(number, told);
                if self.producers[number].version == TransactionVersion::EpochBump {
                    self.producers[number].identity = Some(next);
                }
                self.begin(number);
            }
            Some(EndOutcome::Refused(protocol::error_code::ErrorCode::ConcurrentTransactions)) => {}
            Some(
                EndOutcome::Refused(_) | EndOutcome::DecidedBefore(_) | EndOutcome::NeedsProducerId,
            )
            | None => self.abandon(number),
        }
    }

    fn note_told(&mut self, number: usize, told: Told) {
        let producer = &self.producers[number];
        let written = producer.written.clone();
        self.told.insert(producer.transaction, (told, written));
    }

    /// Lets everything come to rest: no producer does anything more.
    fn settle(&mut self) {
        for number in 0..PRODUCERS {
            if self.producers[number].identity.is_some() {
                self.abandon(number);
            }
        }
        for _ in 0..2_000 {
            self.pass_time();
            self.write_marker();
            self.write_marker();
        }
    }

    fn check(&self, seed: u64) {
        let mut visible: BTreeMap<u64, BTreeMap<i32, usize>> = BTreeMap::new();
        for (index, partition) in (0..).zip(&self.partitions) {
            let open = partition.producers.first_open_offset();
            assert_eq!(open, None, "NO-HANG: seed {seed}, partition {index}");
            for (transaction, count) in partition.visible() {
                let of_transaction = visible.entry(transaction).or_default();
                of_transaction.insert(index, count);
            }
        }
        for (transaction, (told, written)) in &self.told {
            let seen = visible.get(transaction).cloned().unwrap_or_default();
            match told {
                Told::Committed => {
                    assert_eq!(
                        &seen, written,
                        "ATOMIC: seed {seed}, {transaction} committed"
                    );
                }
                Told::Aborted => {
                    assert!(
                        seen.is_empty(),
                        "ATOMIC, LISTED: seed {seed}, {transaction} aborted"
                    );
                }
                Told::Unknown => {
                    let whole = seen.is_empty() || &seen == written;
                    assert!(
                        whole,
                        "ATOMIC: seed {seed}, {transaction}: {seen:?} of {written:?}"
                    );
                }
            }
        }
    }
}

fn rules() -> Rules {
    Rules {
        id_expiration_ms: i64::MAX,
        abort_interval: Duration::from_millis(1),
        expire_interval: Duration::from_secs(1_000_000),
    }
}

#[test]
fn transactions_are_atomic_whatever_happens() {
    let mut committed = 0;
    for seed in 1..=SEEDS {
        let mut simulation = Simulation::new(seed);
        for _ in 0..STEPS {
            simulation.step();
        }
        simulation.settle();
        simulation.check(seed);
        let told = simulation.told.values();
        committed += told
            .filter(|(told, written)| *told == Told::Committed && !written.is_empty())
            .count();
    }
    assert!(
        committed > 500,
        "only {committed} transactions were committed"
    );
}
