//! What a producer collects until it is sent: batches by partition, requests by broker. Pure.
//! The rules are the Java client's: a batch goes when it is full or has lingered, a request takes
//! one batch of each partition, and without a key a partition is kept for a batch's worth of
//! bytes.

use std::collections::VecDeque;

use protocol::records::{BatchOptions, NO_PRODUCER_ID, NO_SEQUENCE};

use super::batch::{Batch, NewRecord, OpenBatch};
use crate::client::coordinator::ProducerId;
use crate::workload::keys;
use crate::workload::knobs::ProducerKnobs;

/// Which lane, and its batch.
pub(crate) type Loaded = (usize, Batch);

/// A partition as one producer sees it.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) partition: i32,
    link: usize,
    open: Option<OpenBatch>,
    ready: VecDeque<Batch>,
    next_sequence: i32,
    next_number: u64,
    /// Where the next batch is stored at the earliest.
    pub(crate) next_offset: i64,
    /// The last request that took a batch of this lane.
    round: u64,
}

/// The lanes of one broker that have something to send.
#[derive(Debug, Default)]
struct Queue {
    /// Lanes with closed batches, one entry a batch.
    full: VecDeque<usize>,
    /// Lanes with open batches, and when they were opened.
    open: VecDeque<(usize, u64)>,
}

#[derive(Debug)]
pub(crate) struct Accumulator {
    pub(crate) lanes: Vec<Lane>,
    queues: Vec<Queue>,
    options: BatchOptions,
    batch_size: usize,
    linger: u64,
    max_request_size: usize,
    /// Bytes that are not acknowledged.
    pub(crate) buffered: usize,
    /// Batches that are not acknowledged, open ones included.
    pub(crate) outstanding: usize,
    /// Nothing is sent while a transaction is made ready.
    pub(crate) held: bool,
    sticky: usize,
    sticky_bytes: usize,
    round: u64,
}

impl Accumulator {
    /// `links` says for each partition which broker's connection leads to it; the producer begins
    /// with the partition `first`.
    pub(crate) fn new(knobs: &ProducerKnobs, links: &[usize], first: usize) -> Self {
        let lane = |(partition, link): (i32, &usize)| Lane {
            partition,
            link: *link,
            open: None,
            ready: VecDeque::new(),
            next_sequence: 0,
            next_number: 0,
            next_offset: 0,
            round: 0,
        };
        let queues = links.iter().max().map_or(0, |max| max + 1);
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            lanes: (0..).zip(links).map(lane).collect(),
            queues: (0..queues).map(|_| Queue::default()).collect(),
            options: BatchOptions {
                compression: knobs.compression,
                compression_level: knobs.compression_level,
                is_transactional: knobs.transactional_id.is_some(),
                ..BatchOptions::default()
            },
            batch_size: bytes(knobs.batch_size),
            linger: crate::workload::units::to_whole(knobs.linger_ms * 1e6),
            max_request_size: bytes(knobs.max_request_size),
            buffered: 0,
            outstanding: 0,
            held: false,
            sticky: first % links.len().max(1),
            sticky_bytes: 0,
            round: 0,
        }
    }

    /// Who the producer is from now on; sequences begin again.
    pub(crate) fn identify(&mut self, identity: Option<ProducerId>) {
        let none = ProducerId {
            id: NO_PRODUCER_ID,
            epoch: -1,
        };
        let identity = identity.unwrap_or(none);
        self.options.producer_id = identity.id;
        self.options.producer_epoch = identity.epoch;
        for lane in &mut self.lanes {
            lane.next_sequence = 0;
        }
    }

    /// The lane of the next record.
    pub(crate) fn choose(&self, key: Option<&[u8]>) -> usize {
        match key {
            Some(key) => keys::partition_of(key, self.lanes.len()),
            None => self.sticky,
        }
    }

    /// The number of the next record of a lane.
    pub(crate) fn next_number(&self, lane: usize) -> u64 {
        self.lanes[lane].next_number
    }

    /// Puts a record into a lane's batch. True when who sends should have a look: a batch became
    /// ready, or one began to linger.
    pub(crate) fn append(&mut self, lane: usize, record: &NewRecord<'_>, now: u64) -> bool {
        let bytes = record.size_bytes();
        let open = self.lanes[lane].open.as_ref();
        let mut closed = open.is_some_and(|open| open.size_bytes() + bytes > self.batch_size);
        if closed {
            self.close(lane);
        }
        let before = self.open_bytes(lane);
        closed |= before == 0;
        let own = &mut self.lanes[lane];
        let base_sequence = if self.options.producer_id == NO_PRODUCER_ID {
            NO_SEQUENCE
        } else {
            own.next_sequence
        };
        let open = own.open.get_or_insert_with(|| {
            self.queues[own.link].open.push_back((lane, now));
            self.outstanding += 1;
            let options = BatchOptions {
                base_sequence,
                ..self.options
            };
            OpenBatch::new(options, now, own.next_number)
        });
        open.append(record);
        let size = open.size_bytes();
        own.next_number += u64::from(record.numbered);
        self.buffered += size - before;
        if size >= self.batch_size {
            self.close(lane);
            closed = true;
        }
        if record.key.is_none() {
            self.stick(bytes);
        }
        closed || self.linger == 0
    }

    fn open_bytes(&self, lane: usize) -> usize {
        let open = self.lanes[lane].open.as_ref();
        open.map_or(0, OpenBatch::size_bytes)
    }

    fn stick(&mut self, bytes: usize) {
        self.sticky_bytes += bytes;
        if self.sticky_bytes >= self.batch_size {
            self.next_lane();
        }
    }

    /// Records without a key go to the next partition from now on.
    pub(crate) fn next_lane(&mut self) {
        self.sticky = (self.sticky + 1) % self.lanes.len();
        self.sticky_bytes = 0;
    }

    /// Closes a lane's open batch and queues it.
    fn close(&mut self, lane: usize) {
        if let Some(batch) = self.seal(lane) {
            let own = &mut self.lanes[lane];
            own.ready.push_back(batch);
            self.queues[own.link].full.push_back(lane);
        }
    }

    fn seal(&mut self, lane: usize) -> Option<Batch> {
        let own = &mut self.lanes[lane];
        let open = own.open.take()?;
        let open_bytes = open.size_bytes();
        let batch = open.close();
        // Sequences wrap to 0.
        let records = u32::try_from(batch.records()).unwrap_or(u32::MAX);
        own.next_sequence = own.next_sequence.wrapping_add_unsigned(records) & i32::MAX;
        self.buffered = self.buffered - open_bytes + batch.bytes.len();
        Some(batch)
    }

    /// The batches of the next request to a broker, or none that is due. With `flush` nothing
    /// lingers.
    pub(crate) fn take_request(&mut self, link: usize, now: u64, flush: bool) -> Vec<Loaded> {
        if self.held || !self.is_due(link, now, flush) {
            return Vec::new();
        }
        self.round += 1;
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(lane) = self.queues[link].full.front().copied() {
            let own = &mut self.lanes[lane];
            let size = own.ready.front().map_or(0, |batch| batch.bytes.len());
            if own.round == self.round || (bytes > 0 && bytes + size > self.max_request_size) {
                return taken;
            }
            own.round = self.round;
            bytes += size;
            self.queues[link].full.pop_front();
            taken.extend(own.ready.pop_front().map(|batch| (lane, batch)));
        }
        while let Some(lane) = self.first_open(link) {
            let size = self.open_bytes(lane);
            let taken_before = self.lanes[lane].round == self.round;
            if taken_before || (bytes > 0 && bytes + size > self.max_request_size) {
                return taken;
            }
            self.lanes[lane].round = self.round;
            bytes += size;
            taken.extend(self.seal(lane).map(|batch| (lane, batch)));
        }
        taken
    }

    fn is_due(&mut self, link: usize, now: u64, flush: bool) -> bool {
        if !self.queues[link].full.is_empty() {
            return true;
        }
        let deadline = self.linger_deadline(link);
        deadline.is_some_and(|deadline| flush || deadline <= now)
    }

    /// When the oldest open batch has lingered long enough.
    pub(crate) fn linger_deadline(&mut self, link: usize) -> Option<u64> {
        let lane = self.first_open(link)?;
        let open = self.lanes[lane].open.as_ref()?;
        Some(open.opened + self.linger)
    }

    /// The lane whose batch was opened first; entries of batches that are closed go.
    fn first_open(&mut self, link: usize) -> Option<usize> {
        loop {
            let (lane, opened) = *self.queues[link].open.front()?;
            let open = self.lanes[lane].open.as_ref();
            if open.is_some_and(|open| open.opened == opened) {
                return Some(lane);
            }
            self.queues[link].open.pop_front();
        }
    }

    /// A batch is acknowledged, or given up.
    pub(crate) fn settle(&mut self, batch: &Batch) {
        self.buffered -= batch.bytes.len();
        self.outstanding -= 1;
    }

    /// Gives up what was never sent; how many records that were.
    pub(crate) fn abandon(&mut self) -> u64 {
        let mut records = 0;
        for lane in 0..self.lanes.len() {
            self.close(lane);
            let ready = self.lanes[lane].ready.drain(..);
            records += ready.map(|batch| batch.records()).sum::<u64>();
        }
        records
    }

    /// The connection that leads to a lane's broker.
    pub(crate) fn link_of(&self, lane: usize) -> usize {
        self.lanes[lane].link
    }

    /// A record for this lane needs no new batch.
    pub(crate) fn is_open(&self, lane: usize) -> bool {
        self.lanes[lane].open.is_some()
    }
}

#[cfg(test)]
mod tests {
    use protocol::records::BatchHeader;

    use super::*;

    const MS: u64 = 1_000_000;

    fn accumulator(settings: &str, links: &[usize]) -> Accumulator {
        let settings = crate::workload::knobs::properties(&settings.replace(' ', "\n")).unwrap();
        let mut accumulator = Accumulator::new(&ProducerKnobs::new(&settings).unwrap(), links, 0);
        accumulator.identify(Some(ProducerId { id: 9, epoch: 0 }));
        accumulator
    }

    fn append(accumulator: &mut Accumulator, value: &[u8], now: u64) -> bool {
        let record = NewRecord {
            key: None,
            value: Some(value),
            headers: &[],
            intended: now,
            timestamp_ms: 0,
            numbered: true,
        };
        let lane = accumulator.choose(None);
        accumulator.append(lane, &record, now)
    }

    fn sizes(taken: &[Loaded]) -> Vec<(usize, u64)> {
        taken
            .iter()
            .map(|(lane, batch)| (*lane, batch.records()))
            .collect()
    }

    #[test]
    fn a_batch_lingers_until_it_is_full() {
        let mut own = accumulator("batch.size=1000 linger.ms=5", &[0]);
        for _ in 0..5 {
            append(&mut own, &[7; 100], 0);
        }
        assert_eq!(own.linger_deadline(0), Some(5 * MS));
        assert!(own.take_request(0, 4 * MS, false).is_empty());
        assert_eq!(sizes(&own.take_request(0, 5 * MS, false)), [(0, 5)]);
        assert!(append(&mut own, &[7; 100], 6 * MS));
        let mut filled = 1;
        while !append(&mut own, &[7; 100], 6 * MS) {
            filled += 1;
            assert!(filled < 20);
        }
        assert!(!own.take_request(0, 6 * MS, false).is_empty());
    }

    #[test]
    fn without_batches_every_record_goes_alone_and_partitions_take_turns() {
        let mut own = accumulator("batch.size=0 linger.ms=0", &[0, 0, 0]);
        for _ in 0..4 {
            assert!(append(&mut own, b"v", 0));
        }
        assert_eq!(
            sizes(&own.take_request(0, 0, false)),
            [(0, 1), (1, 1), (2, 1)]
        );
        assert_eq!(sizes(&own.take_request(0, 0, false)), [(0, 1)]);
        assert!(own.take_request(0, 0, false).is_empty());
        assert_eq!(own.outstanding, 4);
    }

    #[test]
    fn sequences_and_numbers_go_on_from_batch_to_batch() {
        let mut own = accumulator("batch.size=300 linger.ms=0", &[0]);
        let mut expected = 0;
        for round in 0..10 {
            append(&mut own, &[1; 100], round);
            append(&mut own, &[1; 100], round);
            for (_, batch) in own.take_request(0, round, true) {
                let header = BatchHeader::parse(&batch.bytes).unwrap();
                assert_eq!(i64::from(header.base_sequence), expected);
                assert_eq!(batch.numbers().0, u64::try_from(expected).unwrap());
                expected += i64::from(header.records_count);
                own.settle(&batch);
            }
        }
        assert_eq!((expected, own.buffered, own.outstanding), (20, 0, 0));
    }

    #[test]
    fn a_request_keeps_to_its_size_and_to_its_broker() {
        let mut own = accumulator(
            "batch.size=100 linger.ms=0 max.request.size=400",
            &[0, 1, 0, 0],
        );
        for _ in 0..8 {
            append(&mut own, &[1; 150], 0);
        }
        let first = own.take_request(0, 0, true);
        let bytes: usize = first.iter().map(|(_, batch)| batch.bytes.len()).sum();
        assert!(bytes <= 400 && first.len() == 1, "{bytes}");
        assert!(
            own.take_request(1, 0, true)
                .iter()
                .all(|(lane, _)| *lane == 1)
        );
        own.held = true;
        assert!(own.take_request(0, 0, true).is_empty());
    }
}
