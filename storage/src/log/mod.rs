//! One partition's log. It lives on one shard; `append` is synchronous and does no I/O, `read`
//! returns memory or file ranges. Shell.
//!
//! Produce walk: [`Log::append`] -> `writer` -> (at the end of the turn) `commit` and the journal.
//! Fetch walk: [`Log::read`] -> `tail`, or `reader` for what is no longer in memory.

pub mod aborted;
mod checkpoint;
mod cleanable;
mod commit;
mod committed;
mod config;
mod damage;
mod delete;
pub(crate) mod directory;
mod disk;
mod expire;
pub mod index;
pub mod leader_epochs;
mod open;
pub(crate) mod partition_dir;
pub mod partition_offsets;
pub mod producer;
pub mod producers;
mod reader;
mod residency;
pub mod retention;
pub mod roll;
mod seal;
mod segment;
mod slice;
pub mod snapshot;
mod start_offset;
mod state;
mod swap;
mod tail;
pub mod tail_scan;
mod timestamps;
pub mod transactions;
pub(crate) mod units;
pub(crate) mod window;
mod writer;

use std::cell::{Cell, RefCell, RefMut};
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use protocol::records::{BatchHeader, ValidBatch};
use protocol::types::Uuid;
use thiserror::Error;

pub(crate) use self::commit::FLUSH_BYTES_MIN;
pub use self::committed::ProducerState;
pub use self::config::LogConfig;
pub use self::disk::is_full;
pub(crate) use self::disk::is_out_of_descriptors;
pub use self::expire::RetentionError;
pub use self::open::OpenError;
pub(crate) use self::open::{LoadRules, load};
pub use self::partition_dir::DirectoryTopic;
pub(crate) use self::partition_dir::{adopt_dir, complete_before, mark_damaged};
pub use self::slice::{FileRange, LogPart, LogSlice, SegmentFile};
pub use self::start_offset::StartOffsetError;
pub(crate) use self::state::Listed;
pub use self::timestamps::TimestampOffset;

use self::checkpoint::Capture;
use self::disk::{PartitionDir, SegmentWriter};
use self::producers::{Expiry, Sequence, SequenceError};
use self::segment::{Segment, Stage};
use self::state::State;
use self::transactions::{Marker, TransactionEnd};
use crate::store::Store;
use crate::store::event::{Event, Gate};
use crate::watermark::Watermark;

/// Which partition a log is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogId {
    pub topic_id: Uuid,
    pub topic: Arc<str>,
    pub partition: i32,
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: i64,
    /// Inclusive; the batch is acknowledged when the watermark is above it.
    pub last_offset: i64,
    /// -1 unless the topic's timestamps are the broker's.
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    /// The batch was in the log already, at these offsets.
    pub duplicate: bool,
}

/// Why a batch is not appended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppendError {
    #[error("sequence {got} of producer {producer_id} where {expected} was expected")]
    OutOfOrderSequence {
        producer_id: i64,
        expected: i32,
        got: i32,
    },
    #[error("epoch {got} of producer {producer_id} is older than {current}")]
    InvalidProducerEpoch {
        producer_id: i64,
        current: i16,
        got: i16,
    },
    #[error("records outside of the transaction that producer {producer_id} has open")]
    OutsideTransaction { producer_id: i64 },
    #[error("epoch {got} of the coordinator of producer {producer_id} is older than {current}")]
    StaleCoordinator {
        producer_id: i64,
        current: i32,
        got: i32,
    },
    #[error("batch of {bytes} bytes, at most {bytes_max} are allowed")]
    BatchTooLarge { bytes: usize, bytes_max: usize },
    /// Wait with [`Store::admit`] and append again.
    #[error("the journal has no room just now")]
    JournalFull,
    #[error("no space left on the disk")]
    DiskFull,
    #[error("a write or sync failed, a restart is needed")]
    StorageFailed,
}

impl From<SequenceError> for AppendError {
    fn from(error: SequenceError) -> Self {
        match error {
            SequenceError::OutOfOrder {
                producer_id,
                expected,
                got,
            } => Self::OutOfOrderSequence {
                producer_id,
                expected,
                got,
            },
            SequenceError::StaleEpoch {
                producer_id,
                current,
                got,
            } => Self::InvalidProducerEpoch {
                producer_id,
                current,
                got,
            },
            SequenceError::OutsideTransaction { producer_id } => {
                Self::OutsideTransaction { producer_id }
            }
            SequenceError::StaleCoordinator {
                producer_id,
                current,
                got,
            } => Self::StaleCoordinator {
                producer_id,
                current,
                got,
            },
        }
    }
}

/// Why a read returns nothing.
#[derive(Debug, Error)]
pub enum ReadError {
    #[error("offset outside {start}..={end}")]
    OutOfRange { start: i64, end: i64 },
    #[error("the segment's file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("segment {segment_base} is damaged at byte {position}")]
    Damaged { segment_base: i64, position: u64 },
}

/// A batch on its way into the log.
struct Entry<'a> {
    batch: &'a [u8],
    /// Its header as it will stand in the log.
    placed: BatchHeader,
    /// What it says when it is a marker.
    end: Option<TransactionEnd>,
    now_ms: i64,
}

/// See the module's documentation.
pub struct Log {
    this: Weak<Self>,
    id: LogId,
    store: Rc<Store>,
    dir: Rc<PartitionDir>,
    config: Cell<LogConfig>,
    state: RefCell<State>,
    durable: Watermark,
    /// The last stable offset.
    stable: Watermark,
    /// Notified when a position in `state` moved.
    changed: Event,
    /// One checkpoint or seal at a time.
    maintenance: Gate,
    /// One write of the partition's offsets at a time.
    saving_offsets: Gate,
    /// Segments are being replaced: nobody opens their files meanwhile.
    swapping: Cell<bool>,
    /// How often segments were replaced.
    swaps: Cell<u64>,
    capture: RefCell<Capture>,
    deleted: Cell<bool>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Log {
    /// A new, empty partition. Does no I/O: the directory and the files come with the first flush.
    #[must_use]
    pub fn create(store: &Rc<Store>, id: LogId, config: LogConfig) -> Rc<Self> {
        let created_ms = crate::clock::now_ms();
        Self::from_state(
            store,
            id,
            config,
            State::new(Segment::new(0, created_ms)),
            false,
        )
    }

    /// Whether a partition has files, or something that keeps that from being known.
    #[must_use]
    pub fn exists(store: &Store, id: &LogId) -> bool {
        let dir = directory::partition_path(&store.options.data_dir, &id.topic, id.partition);
        match partition_dir::topic_of(&store.ring, &dir) {
            Ok(DirectoryTopic::Is(topic_id)) => topic_id == id.topic_id,
            Ok(DirectoryTopic::Nothing) => false,
            Ok(DirectoryTopic::Unreadable) | Err(_) => true,
        }
    }

    fn from_state(
        store: &Rc<Store>,
        id: LogId,
        config: LogConfig,
        mut state: State,
        dir_exists: bool,
    ) -> Rc<Self> {
        let stable = state.last_stable_offset(state.end_offset);
        let path = directory::partition_path(&store.options.data_dir, &id.topic, id.partition);
        let log = Rc::new_cyclic(|this| Self {
            this: this.clone(),
            dir: Rc::new(PartitionDir::new(path, id.topic_id, dir_exists)),
            id,
            store: Rc::clone(store),
            config: Cell::new(config),
            durable: Watermark::new(state.end_offset),
            stable: Watermark::new(stable),
            state: RefCell::new(state),
            changed: Event::default(),
            maintenance: Gate::default(),
            saving_offsets: Gate::default(),
            swapping: Cell::default(),
            swaps: Cell::default(),
            capture: RefCell::default(),
            deleted: Cell::new(false),
        });
        store.register(&log);
        log
    }

    /// Appends one valid batch. It is durable when [`Self::durable`] is above its last offset.
    ///
    /// # Errors
    /// The producer's state forbids the batch, or there is no room, or the storage failed.
    pub fn append(
        self: &Rc<Self>,
        batch: &[u8],
        valid: &ValidBatch,
        leader_epoch: i32,
        now_ms: i64,
    ) -> Result<Appended, AppendError> {
        let config = self.config.get();
        let mut state = self.state.borrow_mut();
        self.check_in_service(&state)?;
        let expiry = Expiry {
            now_ms,
            expiration_ms: config.producer_expiration_ms,
        };
        if let Sequence::Duplicate(mark) = state.producers.check(&valid.header, expiry)? {
            return Ok(Appended {
                base_offset: mark.base_offset,
                last_offset: mark.last_offset,
                log_append_time_ms: writer::log_append_time(&config, mark.timestamp).unwrap_or(-1),
                log_start_offset: state.start_offset,
                duplicate: true,
            });
        }
        if self.store.is_disk_full() && !config.uses_reserve {
            return Err(AppendError::DiskFull);
        }
        self.check_room(&mut state, batch.len(), &config)?;
        let rewrite = writer::rewrite_of(valid, &config, now_ms);
        let placed = writer::place(batch, &valid.header, &state, leader_epoch, rewrite);
        let entry = Entry {
            batch,
            placed,
            end: None,
            now_ms,
        };
        let log_start_offset = state.start_offset;
        self.enter(state, &entry, &config);
        Ok(Appended {
            base_offset: placed.base_offset,
            last_offset: placed.last_offset(),
            log_append_time_ms: writer::log_append_time_of(rewrite),
            log_start_offset,
            duplicate: false,
        })
    }

    /// Appends a marker: it ends the transaction that its producer has open here. Durable as a
    /// batch is. A full disk does not keep it out as long as the journal has room.
    ///
    /// # Errors
    /// The marker comes from a stale coordinator or for a stale epoch, or as [`Self::append`].
    pub fn append_marker(
        self: &Rc<Self>,
        marker: &Marker,
        leader_epoch: i32,
        now_ms: i64,
    ) -> Result<Appended, AppendError> {
        let config = self.config.get();
        let mut state = self.state.borrow_mut();
        self.check_in_service(&state)?;
        state.producers.check_marker(marker)?;
        let batch = marker.to_batch(now_ms);
        self.check_room(&mut state, batch.len(), &config)?;
        let placed = BatchHeader {
            base_offset: state.end_offset,
            partition_leader_epoch: leader_epoch,
            ..writer::header_of(&batch)
        };
        let entry = Entry {
            batch: &batch,
            placed,
            end: Some(marker.end),
            now_ms,
        };
        let log_start_offset = state.start_offset;
        self.enter(state, &entry, &config);
        Ok(Appended {
            base_offset: placed.base_offset,
            last_offset: placed.last_offset(),
            log_append_time_ms: -1,
            log_start_offset,
            duplicate: false,
        })
    }

    fn check_in_service(&self, state: &State) -> Result<(), AppendError> {
        if state.failed || self.store.is_failed() || self.deleted.get() {
            return Err(AppendError::StorageFailed);
        }
        Ok(())
    }

    /// Puts a batch that has been checked at the end.
    fn enter(self: &Rc<Self>, mut state: RefMut<'_, State>, entry: &Entry<'_>, config: &LogConfig) {
        let placed = &entry.placed;
        let rolled = writer::roll_if_due(&mut state, placed, config, entry.now_ms);
        let before = state.active().pending();
        let taken = writer::write(&mut state, &self.store.pool, placed, entry.batch, config);
        state.note_producer(placed, entry.end, entry.now_ms, config.producers_max);
        let after = state.active().pending();
        self.store.appended(self, &mut state.listed, before..after);
        if rolled && !std::mem::replace(&mut state.listed.sealing, true) {
            self.start_sealing();
        }
        drop(state);
        self.store.memory_taken(self, taken);
        if self.store.is_relaxed() {
            self.advance_durable(placed.next_offset());
        }
    }

    /// Whether a batch may enter now.
    fn check_room(
        &self,
        state: &mut State,
        bytes: usize,
        config: &LogConfig,
    ) -> Result<(), AppendError> {
        let bytes_max = config.max_message_bytes;
        if bytes > bytes_max {
            return Err(AppendError::BatchTooLarge { bytes, bytes_max });
        }
        let pending = state.active().pending();
        if self.store.fits(pending..pending + bytes as u64) {
            Ok(())
        } else {
            Err(AppendError::JournalFull)
        }
    }

    /// Reads whole batches from the one that holds `offset`, all below `upto` (exclusive) and
    /// together at most `bytes_max`; with `at_least_one` the first batch comes whatever its size.
    /// Empty when there is nothing below `upto`.
    ///
    /// # Errors
    /// The offset is not in the log, or the file cannot be read.
    pub async fn read(
        &self,
        offset: i64,
        bytes_max: usize,
        upto: i64,
        at_least_one: bool,
    ) -> Result<LogSlice, ReadError> {
        let want = reader::Want {
            offset,
            bytes_max,
            upto,
            at_least_one,
        };
        match self.read_tail(offset, bytes_max, upto, at_least_one)? {
            Some(slice) => Ok(slice),
            None => self.read_files(want).await,
        }
    }

    /// The same, but only from memory: `None` when the disk must be asked.
    ///
    /// # Errors
    /// The offset is not in the log.
    pub fn read_tail(
        &self,
        offset: i64,
        bytes_max: usize,
        upto: i64,
        at_least_one: bool,
    ) -> Result<Option<LogSlice>, ReadError> {
        let state = self.state.borrow();
        let (start, end) = (state.start_offset, state.end_offset);
        if offset < start || offset > end {
            return Err(ReadError::OutOfRange { start, end });
        }
        if offset >= upto.min(end) {
            return Ok(Some(LogSlice::default()));
        }
        let want = reader::Want {
            offset,
            bytes_max,
            upto,
            at_least_one,
        };
        Ok(reader::from_memory(&state, &want))
    }

    /// First offset that is not yet durable. On a single broker this is the high watermark.
    pub fn durable(&self) -> &Watermark {
        &self.durable
    }

    pub fn id(&self) -> &LogId {
        &self.id
    }

    pub fn start_offset(&self) -> i64 {
        self.state.borrow().start_offset
    }

    /// The offset that the next record gets.
    pub fn end_offset(&self) -> i64 {
        self.state.borrow().end_offset
    }

    /// KIP-101: the largest known epoch not above `epoch`, and where it ends.
    pub fn end_offset_for_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        let state = self.state.borrow();
        state.epochs.end_offset_for(epoch, state.end_offset)
    }

    pub fn latest_epoch(&self) -> Option<i32> {
        self.state.borrow().epochs.latest()
    }

    pub fn size_bytes(&self) -> u64 {
        self.state
            .borrow()
            .segments
            .iter()
            .map(|segment| segment.appended)
            .sum()
    }

    pub fn config(&self) -> LogConfig {
        self.config.get()
    }

    pub fn set_config(&self, config: LogConfig) {
        self.config.set(config);
    }

    /// The writer of an unsealed segment, made now when there is none.
    fn writer(&self, segment_base: i64) -> Rc<SegmentWriter> {
        self.writer_in(&mut self.state.borrow_mut(), segment_base)
    }

    fn writer_in(&self, state: &mut State, segment_base: i64) -> Rc<SegmentWriter> {
        let make = || Rc::new(SegmentWriter::new(&self.dir, segment_base));
        let stage = state
            .by_base_mut(segment_base)
            .map(|segment| &mut segment.stage);
        match stage {
            Some(Stage::Open(writer) | Stage::Closing { writer, .. }) => {
                Rc::clone(writer.get_or_insert_with(make))
            }
            Some(Stage::Sealed { .. }) | None => make(),
        }
    }

    /// Gives back the memory of the oldest block that is in a file; `None` when there is none.
    pub(crate) fn release_oldest(&self) -> Option<Released> {
        let mut state = self.state.borrow_mut();
        let last = state.segments.len() - 1;
        let (at, segment) = state
            .segments
            .iter_mut()
            .enumerate()
            .find(|(_, segment)| segment.has_memory())?;
        if let Some(bytes) = segment.tail.drop_oldest(segment.flushed, at == last) {
            return Some(Released {
                bytes,
                whole_block: true,
            });
        }
        let bytes = segment.tail.shrink(&self.store.pool, segment.flushed)?;
        Some(Released {
            bytes,
            whole_block: false,
        })
    }

    /// Closes the file of a sealed segment and forgets its index until the next read.
    pub(crate) fn forget_sealed(&self, base: i64) {
        let mut state = self.state.borrow_mut();
        let Some(segment) = state.by_base_mut(base) else {
            return;
        };
        if let Stage::Sealed {
            file, index_loaded, ..
        } = &mut segment.stage
        {
            *file = None;
            *index_loaded = false;
            segment.index = Rc::default();
            segment.aborted.forget_entries();
        }
    }

    /// Asks for a flush when whole pages have not been written to the file.
    pub(crate) fn want_flush(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        let unwritten = state
            .unsealed()
            .any(|segment| units::page_floor(segment.gathered) > segment.issued);
        if unwritten && !std::mem::replace(&mut state.listed.flush, true) {
            self.store.list_for_flush(self);
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let held = self
            .state
            .get_mut()
            .segments
            .iter()
            .map(|segment| segment.tail.memory_bytes());
        self.store.memory_given_back(held.sum());
    }
}

/// Memory that a log's tail gave back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Released {
    pub(crate) bytes: usize,
    /// A block is gone, not only replaced by a smaller one.
    pub(crate) whole_block: bool,
}
