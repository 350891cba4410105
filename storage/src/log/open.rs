//! Opens an existing partition: finds its segments and its newest recovery point, scans what
//! comes after that, and leaves files that say exactly what the log holds. Shell; `tail_scan`
//! decides.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use protocol::records::BatchHeader;
use thiserror::Error;

use crate::extent::{ExtentPool, PAGE_BYTES};
use crate::log::aborted::AbortedIndex;
use crate::log::disk::write_file;
use crate::log::index::{BatchPlace, Index};
use crate::log::leader_epochs::LeaderEpochs;
use crate::log::partition_dir::{
    DirectoryTopic, Snapshots, list, of_unknown_topic, read_epochs, read_offsets, refused,
    remove_deleted, topic_of, unlink_segment,
};
use crate::log::partition_offsets::PartitionOffsets;
use crate::log::producers::Producers;
use crate::log::segment::Segment;
use crate::log::snapshot::{self, RecoveryPoint};
use crate::log::state::State;
use crate::log::tail::Tail;
use crate::log::tail_scan::{Damaged, DurableEnd, EndReason, Found, TailScan, judge_cut};
use crate::log::transactions::TransactionEnd;
use crate::log::units::{page_floor, to_usize};
use crate::log::window::Window;
use crate::log::{Log, LogConfig, LogId, directory, swap};
use crate::ring::{File, FileOptions, Ring};
use crate::store::Store;

/// Why a partition cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Found now.
    #[error("{path}: {source}")]
    Damaged {
        path: PathBuf,
        #[source]
        source: Damaged,
    },
    /// Found by an earlier recovery; `millrace log repair` makes it servable again.
    #[error("{path}: refused since {marker} was written: {reason}")]
    Refused {
        path: PathBuf,
        marker: &'static str,
        reason: String,
    },
}

/// What the files of a partition hold.
#[derive(Debug)]
pub(crate) struct Loaded {
    sealed: Vec<Sealed>,
    scanned: Vec<Scanned>,
    end_offset: i64,
    producers: Producers,
    epochs: LeaderEpochs,
    /// As their file has them.
    stored_epochs: LeaderEpochs,
    offsets: PartitionOffsets,
    /// Segments before the start of the log, or beyond its end.
    surplus: Vec<i64>,
    point: Option<RecoveryPoint>,
    /// The segment that the log begins in.
    first_kept: Option<i64>,
    durable: DurableEnd,
}

/// A segment that was not scanned.
#[derive(Debug)]
struct Sealed {
    base_offset: i64,
    bytes: u64,
    has_aborted: bool,
}

/// A segment that was scanned.
#[derive(Debug)]
struct Scanned {
    base_offset: i64,
    bytes: u64,
    file_bytes: u64,
    index: Index,
    /// As its file is.
    index_file: Vec<u8>,
    aborted: AbortedIndex,
    /// As its file is.
    aborted_file: Vec<u8>,
}

/// What a scan is told.
#[derive(Debug)]
pub(crate) struct LoadRules {
    pub(crate) index_interval_bytes: u64,
    pub(crate) producers_max: usize,
    /// What the journal knows to have been durable.
    pub(crate) durable: DurableEnd,
}

impl Log {
    /// Opens a partition whose directory exists, or an empty one when it does not.
    ///
    /// # Errors
    /// The files cannot be read, or acknowledged records are damaged.
    pub async fn open(
        store: &Rc<Store>,
        id: LogId,
        config: LogConfig,
    ) -> Result<Rc<Self>, OpenError> {
        let path = directory::partition_path(&store.options.data_dir, &id.topic, id.partition);
        let io = |source| OpenError::Io {
            path: path.clone(),
            source,
        };
        match topic_of(&store.ring, &path).map_err(io)? {
            DirectoryTopic::Is(topic_id) if topic_id == id.topic_id => {}
            DirectoryTopic::Is(_) | DirectoryTopic::Nothing => {
                return Ok(Self::create(store, id, config));
            }
            DirectoryTopic::Unreadable => return Err(io(of_unknown_topic())),
        }
        let rules = LoadRules {
            index_interval_bytes: config.index_interval_bytes,
            producers_max: config.producers_max,
            durable: DurableEnd::default(),
        };
        let (ring, pool) = (&store.ring, &store.pool);
        let loaded = load(ring, pool, &path, &rules).await?;
        let loaded = loaded.settle(ring, pool, &path).await.map_err(io)?;
        remove_deleted(ring, &path).await.map_err(io)?;
        let state = loaded.into_state(store, &path).await.map_err(io)?;
        let memory: usize = state
            .segments
            .iter()
            .map(|segment| segment.tail.memory_bytes())
            .sum();
        let log = Self::from_state(store, id, config, state, true);
        store.memory_taken(&log, memory);
        Ok(log)
    }
}

/// Reads what a partition's directory holds and scans what the recovery point does not cover.
pub(crate) async fn load(
    ring: &Ring,
    pool: &ExtentPool,
    dir: &Path,
    rules: &LoadRules,
) -> Result<Loaded, OpenError> {
    let io = |source| OpenError::Io {
        path: dir.to_owned(),
        source,
    };
    if let Some(refused) = refused(ring, dir).map_err(io)? {
        return Err(refused);
    }
    swap::complete(ring, dir).await.map_err(io)?;
    let (mut bases, snapshots) = list(ring, dir).map_err(io)?;
    let offsets = read_offsets(ring, dir).map_err(io)?;
    let kept = bases.partition_point(|base| *base <= offsets.log_start);
    let first_kept = bases.get(kept.saturating_sub(1)).copied();
    let Snapshots {
        point,
        producers,
        durable: synced,
    } = Snapshots::of(ring, dir, &bases, &snapshots).map_err(io)?;
    let from = match point {
        Some(point) => point.segment_base,
        None => bases.first().copied().unwrap_or_default(),
    };
    // What is deleted still tells of its producers, where no recovery point does.
    let needed = |base: &i64| *base >= from || Some(*base) >= first_kept;
    let surplus = bases.extract_if(.., |base| !needed(base)).collect();
    let first = bases.partition_point(|base| *base < from);
    let epochs = read_epochs(ring, dir).map_err(io)?;
    let mut durable = rules.durable;
    durable.note_offset(synced);
    let mut loaded = Loaded {
        sealed: Vec::new(),
        scanned: Vec::new(),
        end_offset: from,
        producers,
        stored_epochs: epochs.clone(),
        epochs,
        offsets,
        surplus,
        point,
        first_kept,
        durable,
    };
    for base in &bases[..first] {
        let path = directory::segment_path(dir, *base);
        loaded.sealed.push(Sealed {
            base_offset: *base,
            bytes: ring.file_info(&path).map_err(io)?.bytes,
            has_aborted: has_bytes(ring, &directory::txn_index_path(dir, *base)),
        });
    }
    loaded
        .scan_from(ring, pool, dir, &bases[first..], rules)
        .await?;
    loaded.epochs.truncate_from_end(loaded.end_offset);
    loaded.drop_deleted();
    loaded.epochs.truncate_from_start(offsets.log_start);
    Ok(loaded)
}

impl Loaded {
    /// Scans the segments that the recovery point does not cover, and judges where they end.
    async fn scan_from(
        &mut self,
        ring: &Ring,
        pool: &ExtentPool,
        dir: &Path,
        bases: &[i64],
        rules: &LoadRules,
    ) -> Result<(), OpenError> {
        let from = self.end_offset;
        if bases.first() != Some(&from) {
            // A roll whose new segment has not been written to yet.
            self.scanned.push(Scanned::empty(from));
        }
        let gaps_below = self.offsets.gaps_below;
        let mut end = (from, TailScan::new(0, from, 0), EndReason::EndOfFile);
        for base in bases.iter().copied() {
            let gap = self.end_offset..=gaps_below;
            let follows = base == self.end_offset || gap.contains(&base);
            if !follows && Some(base) <= self.first_kept {
                self.pass_over_deleted(base);
            }
            if base == self.end_offset || gap.contains(&base) {
                let (scan, reason) = self.scan_segment(ring, pool, dir, base, rules).await?;
                end = (base, scan, reason);
            } else {
                self.surplus.push(base);
            }
        }
        let (base, scan, reason) = end;
        // What was deleted need not be there.
        if self.durable.offset() > self.offsets.log_start {
            judge_cut(base, &scan, self.durable, reason).map_err(|source| OpenError::Damaged {
                path: dir.to_owned(),
                source,
            })?;
        }
        Ok(())
    }

    /// Of the deleted segments some files are gone: the next one begins here.
    fn pass_over_deleted(&mut self, base: i64) {
        let scanned = self.scanned.drain(..).map(|segment| segment.base_offset);
        self.surplus.extend(scanned);
        self.end_offset = base;
    }

    /// Segments wholly before the start of the log do not count. When everything that is there is
    /// deleted, the log is empty and goes on at its start offset.
    fn drop_deleted(&mut self) {
        let start_offset = self.offsets.log_start;
        let sealed = self.sealed.iter().map(|sealed| sealed.base_offset);
        let scanned = self.scanned.iter().map(|segment| segment.base_offset);
        let bases: Vec<i64> = sealed.chain(scanned).collect();
        let ends = bases.iter().skip(1);
        let deleted = ends.take_while(|end| **end <= start_offset).count();
        self.surplus.extend(&bases[..deleted]);
        let of_sealed = deleted.min(self.sealed.len());
        self.sealed.drain(..of_sealed);
        self.scanned.drain(..deleted - of_sealed);
        if self.end_offset < start_offset {
            let sealed = self.sealed.drain(..).map(|sealed| sealed.base_offset);
            let scanned = self.scanned.drain(..).map(|segment| segment.base_offset);
            self.surplus.extend(sealed.chain(scanned));
            self.scanned.push(Scanned::empty(start_offset));
            self.end_offset = start_offset;
        }
    }

    async fn scan_segment(
        &mut self,
        ring: &Ring,
        pool: &ExtentPool,
        dir: &Path,
        base: i64,
        rules: &LoadRules,
    ) -> Result<(TailScan, EndReason), OpenError> {
        let io = |source| OpenError::Io {
            path: dir.to_owned(),
            source,
        };
        let file = open_direct(ring, dir, base).await.map_err(io)?;
        let file_bytes = ring.file_len(&file).map_err(io)?;
        let point = self.point.filter(|point| point.segment_base == base);
        let covered = point.map_or(0, |point| point.position);
        let stored = ring.read_file(&directory::index_path(dir, base));
        let stored = stored.unwrap_or_default();
        let mut index = Index::decode(&stored, base, covered);
        let aborted_path = directory::txn_index_path(dir, base);
        let aborted_file = ring.read_file_if_there(&aborted_path).map_err(io)?;
        let aborted_file = aborted_file.unwrap_or_default();
        // without a recovery point in this segment nothing of the file counts
        let covered_offset = point.map_or(base, |point| point.end_offset);
        let mut aborted = AbortedIndex::decode_before(&aborted_file, covered_offset);
        let begin = index.by_position(u64::MAX, u64::MAX);
        let begin_offset = base + i64::from(begin.offset_delta);
        let gaps_below = self.offsets.gaps_below;
        let mut scan = TailScan::new(u64::from(begin.position), begin_offset, gaps_below);
        let mut window = Window::new(ring, pool, &file);
        let reason = loop {
            let position = scan.position();
            let bytes = window.at(position).await.map_err(io)?;
            match scan.step(bytes, file_bytes) {
                Found::Batch(header) => {
                    index.note(
                        place_of(&header, base, position),
                        rules.index_interval_bytes,
                    );
                    if position >= covered {
                        let _news = self
                            .epochs
                            .assign(header.partition_leader_epoch, header.base_offset);
                        let batch = bytes.get(..header.size_bytes()).unwrap_or_default();
                        self.note_producer(&header, batch, rules, &mut aborted);
                    }
                }
                Found::NeedsBytes(needed) => window.grow(position, needed).await.map_err(io)?,
                Found::End(reason) => break reason,
            }
        };
        self.end_offset = scan.next_offset();
        self.scanned.push(Scanned {
            base_offset: base,
            bytes: scan.position(),
            file_bytes,
            index,
            index_file: stored,
            aborted,
            aborted_file,
        });
        Ok((scan, reason))
    }

    /// Remembers the producer of a scanned batch, as the append of it did.
    fn note_producer(
        &mut self,
        header: &BatchHeader,
        batch: &[u8],
        rules: &LoadRules,
        aborted: &mut AbortedIndex,
    ) {
        let (now_ms, producers_max) = (crate::clock::now_ms(), rules.producers_max);
        if !header.is_control() {
            self.producers.record(header, now_ms, producers_max);
            return;
        }
        let Some(end) = TransactionEnd::of_batch(batch, header) else {
            return;
        };
        let ended = self
            .producers
            .record_marker(header, end, now_ms, producers_max);
        if let Some(ended) = ended {
            let open = self.producers.first_open_offset();
            aborted.note(&ended, open.unwrap_or_else(|| header.next_offset()));
        }
    }

    /// Makes the files say exactly what was found, durably: cut after the last batch, with their
    /// indexes and a recovery point. Does nothing after a clean stop.
    pub(crate) async fn settle(
        self,
        ring: &Ring,
        pool: &ExtentPool,
        dir: &Path,
    ) -> io::Result<Self> {
        let last = self.scanned.len() - 1;
        let point = RecoveryPoint {
            end_offset: self.end_offset,
            segment_base: self.scanned[last].base_offset,
            position: self.scanned[last].bytes,
        };
        let is_covered = self.point == Some(point);
        let is_durable = self.end_offset <= self.durable.offset();
        let mut changed = !self.surplus.is_empty();
        let mut new_names = !is_durable;
        for (at, segment) in self.scanned.iter().enumerate() {
            changed |= settle_segment(ring, dir, segment, is_durable).await?;
            let mut index = segment.index.encode_from(0, segment.base_offset);
            if at < last {
                let end_offset = self.scanned[at + 1].base_offset;
                index.extend(segment.index.encode_end(end_offset, segment.base_offset));
            }
            if segment.index_file != index {
                let path = directory::index_path(dir, segment.base_offset);
                write_file(ring, pool, &path, &index).await?;
                changed = true;
            }
            new_names |= settle_aborted(ring, pool, dir, segment, is_covered).await?;
        }
        if self.epochs != self.stored_epochs {
            let path = dir.join(directory::EPOCHS_FILE);
            write_file(ring, pool, &path, self.epochs.to_text().as_bytes()).await?;
            new_names = true;
        }
        if new_names {
            // What a recovery point covers is not looked at again, so it must not come to be alone.
            ring.sync_dir(dir).await?;
        }
        if changed || new_names || !is_covered {
            let snapshot = snapshot::encode(&point, &self.producers);
            let path = directory::snapshot_path(dir, point.end_offset);
            write_file(ring, pool, &path, &snapshot).await?;
            ring.sync_dir(dir).await?;
        }
        // Last, because the producers that they told of are in the recovery point only now.
        for base in &self.surplus {
            unlink_segment(ring, dir, *base).await?;
        }
        if !self.surplus.is_empty() {
            // What is appended from here on must not be followed by them once more.
            ring.sync_dir(dir).await?;
        }
        Ok(self)
    }

    async fn into_state(self, store: &Store, dir: &Path) -> io::Result<State> {
        let now_ms = crate::clock::now_ms();
        let mut segments: Vec<Segment> = self
            .sealed
            .iter()
            .map(|sealed| {
                let mut segment = Segment::sealed(sealed.base_offset, sealed.bytes);
                if sealed.has_aborted {
                    segment.aborted = AbortedIndex::unread();
                }
                segment
            })
            .collect();
        let last = self.scanned.len() - 1;
        for (at, scanned) in self.scanned.into_iter().enumerate() {
            if at < last {
                let mut segment = Segment::sealed(scanned.base_offset, scanned.bytes);
                segment.aborted = scanned.aborted;
                segments.push(segment);
                continue;
            }
            let mut segment = Segment::new(scanned.base_offset, now_ms);
            segment.set_all_written(scanned.bytes);
            segment.index_saved = scanned.index.entries_count();
            segment.index = Rc::new(scanned.index);
            segment.aborted_saved = scanned.aborted.entries_count();
            segment.aborted = scanned.aborted;
            if scanned.bytes > 0 {
                read_ends(store, dir, &mut segment).await?;
            }
            segments.push(segment);
        }
        let first_base = segments.first().map_or(0, |segment| segment.base_offset);
        let mut state = State::new(Segment::new(first_base, now_ms));
        state.start_offset = first_base.max(self.offsets.log_start);
        state.first_dirty = self.offsets.first_dirty;
        state.gaps_below = self.offsets.gaps_below;
        state.segments = segments.into();
        state.end_offset = self.end_offset;
        state.gathered_offset = self.end_offset;
        state.committed_offset = self.end_offset;
        state.closed_at = Some(self.end_offset);
        state.producers = self.producers;
        state.epochs = self.epochs;
        Ok(state)
    }
}

fn has_bytes(ring: &Ring, path: &Path) -> bool {
    ring.file_info(path).is_ok_and(|file| file.bytes > 0)
}

impl Scanned {
    fn empty(base_offset: i64) -> Self {
        let index = Index::default();
        Self {
            base_offset,
            bytes: 0,
            file_bytes: 0,
            index,
            index_file: Vec::new(),
            aborted: AbortedIndex::default(),
            aborted_file: Vec::new(),
        }
    }
}

/// Cuts a segment after its last batch; says whether something was behind it. A killed process may
/// have left batches that nothing tells to be durable: from here on they are.
async fn settle_segment(
    ring: &Ring,
    dir: &Path,
    segment: &Scanned,
    is_durable: bool,
) -> io::Result<bool> {
    let is_cut = segment.file_bytes != segment.bytes;
    if !is_cut && (is_durable || segment.bytes == 0) {
        return Ok(false);
    }
    let path = directory::segment_path(dir, segment.base_offset);
    let options = FileOptions {
        write: true,
        ..Default::default()
    };
    let file = ring.open(&path, options).await?;
    if is_cut {
        ring.truncate(&file, segment.bytes).await?;
    }
    ring.sync_all(&file).await?;
    Ok(is_cut)
}

/// Makes the file of a segment's aborted transactions say what the scan found, durably; says whether
/// its name may be new. What a recovery point covers already is durable.
async fn settle_aborted(
    ring: &Ring,
    pool: &ExtentPool,
    dir: &Path,
    segment: &Scanned,
    is_covered: bool,
) -> io::Result<bool> {
    let bytes = segment.aborted.encode_from(0);
    let is_same = bytes == segment.aborted_file;
    if is_same && (is_covered || bytes.is_empty()) {
        return Ok(false);
    }
    let path = directory::txn_index_path(dir, segment.base_offset);
    if is_same {
        // A killed process may have left it in the page cache alone.
        let file = ring.open(&path, FileOptions::default()).await?;
        ring.sync_all(&file).await?;
    } else if bytes.is_empty() {
        ring.unlink(&path).await?;
    } else {
        write_file(ring, pool, &path, &bytes).await?;
    }
    Ok(true)
}

/// The timestamp of the first batch, and the partial last page, which goes on being filled.
async fn read_ends(store: &Store, dir: &Path, segment: &mut Segment) -> io::Result<()> {
    let (ring, pool) = (&store.ring, &store.pool);
    let file = open_direct(ring, dir, segment.base_offset).await?;
    let first = ring
        .read_at(&file, pool.allocate(PAGE_BYTES), PAGE_BYTES, 0)
        .await?;
    segment.first_timestamp = BatchHeader::parse(first.as_slice())
        .ok()
        .map(|header| header.max_timestamp);
    let page = page_floor(segment.appended);
    if page < segment.appended {
        let used = to_usize(segment.appended - page);
        let last = ring
            .read_at(&file, pool.allocate(PAGE_BYTES), PAGE_BYTES, page)
            .await?;
        let bytes = last
            .as_slice()
            .get(..used)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut block = pool.allocate(PAGE_BYTES);
        let _all = block.append(bytes);
        segment.tail = Tail::from_page(page, block);
    }
    Ok(())
}

fn place_of(header: &BatchHeader, base: i64, position: u64) -> BatchPlace {
    BatchPlace {
        offset_delta: (header.base_offset - base).unsigned_abs(),
        position,
        bytes: header.size_bytes() as u64,
        max_timestamp: header.max_timestamp,
    }
}

async fn open_direct(ring: &Ring, dir: &Path, base: i64) -> io::Result<File> {
    let options = FileOptions {
        read: true,
        direct: true,
        ..Default::default()
    };
    ring.open(&directory::segment_path(dir, base), options)
        .await
}
