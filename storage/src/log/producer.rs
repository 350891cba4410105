//! What a log remembers of one producer: epoch, last batches, open transaction. Pure.

/// Batches remembered per producer: the in-flight maximum of an idempotent Kafka client.
pub const BATCHES_PER_PRODUCER: usize = 5;

/// The coordinator epoch of a producer whose transactions none has ended.
pub const NO_COORDINATOR_EPOCH: i32 = -1;

/// One remembered batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchMark {
    pub first_sequence: i32,
    pub last_sequence: i32,
    pub base_offset: i64,
    pub last_offset: i64,
    pub timestamp: i64,
}

/// What is remembered of one producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    pub epoch: i16,
    /// When it was heard last, by the clock or by its batches' times, whichever is later; expiry
    /// counts from it.
    pub last_timestamp: i64,
    /// Of whoever ended its last transaction here; [`NO_COORDINATOR_EPOCH`] before.
    pub coordinator_epoch: i32,
    /// Where the transaction begins that it has open here.
    pub txn_first_offset: Option<i64>,
    /// Where its last transaction here ended, as far as that is known since the log was opened.
    pub last_marker_offset: Option<i64>,
    marks: [BatchMark; BATCHES_PER_PRODUCER],
    marks_count: u8,
}

impl Producer {
    /// A producer of which only the epoch is known.
    #[must_use]
    pub fn new(epoch: i16, last_timestamp: i64) -> Self {
        Self {
            epoch,
            last_timestamp,
            coordinator_epoch: NO_COORDINATOR_EPOCH,
            txn_first_offset: None,
            last_marker_offset: None,
            marks: [BatchMark::default(); BATCHES_PER_PRODUCER],
            marks_count: 0,
        }
    }

    /// The remembered batches, oldest first.
    #[must_use]
    pub fn marks(&self) -> &[BatchMark] {
        &self.marks[..usize::from(self.marks_count)]
    }

    /// Adds a batch and forgets the oldest when there are more than five.
    pub fn push(&mut self, mark: BatchMark) {
        let count = usize::from(self.marks_count);
        if count == BATCHES_PER_PRODUCER {
            self.marks.rotate_left(1);
            self.marks[BATCHES_PER_PRODUCER - 1] = mark;
        } else {
            self.marks[count] = mark;
            self.marks_count += 1;
        }
    }

    /// Takes up the epoch of a batch or marker; sequences begin anew with another one.
    pub(super) fn set_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.marks_count = 0;
        }
    }
}
