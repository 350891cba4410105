//! What one log must hold: everything that was appended to it, and how much of that is
//! acknowledged. Pure.

use std::collections::BTreeMap;

use protocol::records::{BatchBuilder, BatchOptions};
use protocol::types::Uuid;
use storage::log::LogId;

use super::invariants::Violation;

/// What a batch is, beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Sequenced { producer: i64, transactional: bool },
    Marker { producer: i64, committed: bool },
}

/// A record of a compacted log; no value is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keyed {
    pub(crate) key: u64,
    pub(crate) value: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// As the log was given it.
    pub(crate) bytes: Vec<u8>,
    pub(crate) last_offset: i64,
    pub(crate) kind: Kind,
    /// Of data batches, one an offset.
    pub(crate) records: Vec<Keyed>,
}

/// What a producer has written to a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Producer {
    pub(crate) next_sequence: i32,
    /// Its last batch.
    pub(crate) last: Option<i64>,
    /// Where its open transaction begins.
    pub(crate) open: Option<i64>,
}

#[derive(Debug)]
pub(crate) struct LogModel {
    pub(crate) partition: i32,
    /// How often the topic was made.
    pub(crate) generation: u8,
    pub(crate) compacted: bool,
    /// By base offset, also what was deleted since.
    pub(crate) batches: BTreeMap<i64, Batch>,
    /// The offset that the next record gets.
    pub(crate) end: i64,
    /// Everything below is acknowledged.
    pub(crate) acknowledged: i64,
    /// Where the log begins: what was confirmed, and what was asked for.
    pub(crate) start: i64,
    pub(crate) start_asked: i64,
    pub(crate) producers: BTreeMap<i64, Producer>,
    /// The medium changed bytes of it: damage has been named.
    pub(crate) refused: bool,
}

impl LogModel {
    pub(crate) fn new(partition: i32, compacted: bool) -> Self {
        Self {
            partition,
            generation: 1,
            compacted,
            batches: BTreeMap::new(),
            end: 0,
            acknowledged: 0,
            start: 0,
            start_asked: 0,
            producers: BTreeMap::new(),
            refused: false,
        }
    }

    /// The topic is deleted and made again.
    pub(crate) fn made_again(&mut self) {
        let generation = self.generation + 1;
        *self = Self::new(self.partition, self.compacted);
        self.generation = generation;
    }

    pub(crate) fn id(&self) -> LogId {
        LogId {
            topic_id: self.topic_id(),
            topic: self.topic().into(),
            partition: self.partition,
        }
    }

    pub(crate) fn topic(&self) -> String {
        format!("topic{}", self.partition)
    }

    pub(crate) fn topic_id(&self) -> Uuid {
        let mut bytes = [self.generation; 16];
        bytes[0] = u8::try_from(self.partition).unwrap();
        Uuid::from_bytes(bytes)
    }

    /// Notes a batch that the log has taken.
    pub(crate) fn appended(&mut self, base: i64, batch: Batch) -> Result<(), Violation> {
        if base != self.end {
            let detail = format!(
                "{}: a batch went to {base}, not to {}",
                self.topic(),
                self.end
            );
            return Err(Violation::new("OffsetsAreContiguous", detail));
        }
        self.end = batch.last_offset + 1;
        self.note_producer(base, &batch);
        self.batches.insert(base, batch);
        Ok(())
    }

    fn note_producer(&mut self, base: i64, batch: &Batch) {
        match batch.kind {
            Kind::Plain => {}
            Kind::Sequenced {
                producer,
                transactional,
            } => {
                let count = i32::try_from(batch.last_offset - base + 1).unwrap();
                let state = self.producers.entry(producer).or_default();
                state.next_sequence += count;
                state.last = Some(base);
                if transactional {
                    state.open.get_or_insert(base);
                }
            }
            Kind::Marker { producer, .. } => {
                self.producers.entry(producer).or_default().open = None;
            }
        }
    }

    pub(crate) fn acknowledge(&mut self, durable: i64) {
        self.acknowledged = self.acknowledged.max(durable);
    }

    /// A start has found the log to end here: what was not acknowledged may be gone.
    pub(crate) fn cut(&mut self, end: i64) -> Result<(), Violation> {
        let broken = |name, detail| Err(Violation::new(name, detail));
        let topic = self.topic();
        if end < self.acknowledged {
            let detail = format!(
                "{topic} ends at {end}, acknowledged to {}",
                self.acknowledged
            );
            return broken("NothingAcknowledgedIsLost", detail);
        }
        if end > self.end {
            let detail = format!("{topic} ends at {end}, appended to {}", self.end);
            return broken("NothingIsInvented", detail);
        }
        let last = self.batches.range(..end).next_back();
        if last.is_some_and(|(_, batch)| batch.last_offset >= end) {
            return broken(
                "ReadersSeeWholeBatches",
                format!("{topic} ends inside a batch"),
            );
        }
        let gone = self.batches.split_off(&end);
        self.end = end;
        self.acknowledged = end;
        if !gone.is_empty() {
            self.note_producers_again();
        }
        Ok(())
    }

    fn note_producers_again(&mut self) {
        self.producers.clear();
        let kept = std::mem::take(&mut self.batches);
        for (base, batch) in &kept {
            self.note_producer(*base, batch);
        }
        self.batches = kept;
    }

    /// Whether the log may begin here; it does from now on. When nothing was acknowledged before the
    /// start, its first segment may have been lost without a trace.
    pub(crate) fn begins(&mut self, start: i64, acknowledged: i64) -> Result<(), Violation> {
        if start > self.start_asked && acknowledged <= self.start {
            self.batches = self.batches.split_off(&start);
            self.note_producers_again();
        } else if start < self.start || start > self.start_asked {
            let topic = self.topic();
            let detail = format!(
                "{topic} begins at {start}: {} is confirmed, {} was asked for",
                self.start, self.start_asked
            );
            return Err(Violation::new("StartOffsetNeverFallsBack", detail));
        }
        self.start = start;
        Ok(())
    }

    /// The batch that holds an offset.
    pub(crate) fn batch_at(&self, offset: i64) -> Option<(i64, &Batch)> {
        let (base, batch) = self.batches.range(..=offset).next_back()?;
        (batch.last_offset >= offset).then_some((*base, batch))
    }

    /// Where everything is decided, of what is durable, and the aborted transactions as
    /// (producer, first offset, marker).
    pub(crate) fn decided(&self, durable: i64) -> (i64, Vec<(i64, i64, i64)>) {
        let mut open = BTreeMap::new();
        let mut aborted = Vec::new();
        for (base, batch) in self.batches.range(..durable) {
            match batch.kind {
                Kind::Sequenced {
                    producer,
                    transactional: true,
                } => {
                    open.entry(producer).or_insert(*base);
                }
                Kind::Marker {
                    producer,
                    committed,
                } => {
                    if let Some(first) = open.remove(&producer)
                        && !committed
                    {
                        aborted.push((producer, first, *base));
                    }
                }
                Kind::Plain | Kind::Sequenced { .. } => {}
            }
        }
        let stable = open.values().copied().min().unwrap_or(durable);
        (stable.min(durable), aborted)
    }

    /// Every record, by offset, that is not part of an aborted transaction.
    pub(crate) fn records(&self) -> BTreeMap<i64, &Keyed> {
        let mut records = BTreeMap::new();
        for (base, batch) in &self.batches {
            records.extend((*base..).zip(&batch.records));
        }
        records
    }
}

/// A batch of records; every value begins with its number.
pub(crate) fn build(
    options: BatchOptions,
    records: &[Keyed],
    value_bytes: usize,
    now_ms: i64,
) -> Vec<u8> {
    let mut builder = BatchBuilder::new(options);
    for record in records {
        let value = record.value.map(|number| {
            let mut value = number.to_be_bytes().to_vec();
            value.resize(value_bytes.max(8), number.to_be_bytes()[7]);
            value
        });
        builder.append(
            now_ms,
            Some(&record.key.to_be_bytes()),
            value.as_deref(),
            &[],
        );
    }
    builder.build().to_vec()
}
