//! The world that the engine runs in: the disk, the operations under way, the time. It takes the
//! kernel's place under a ring, and stops the process or cuts the power when it is time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use storage::clock;
use storage::ring::{DirEntry, FileInfo, Request, Simulator};

use super::disk::{Disk, Errno};
use super::invariants::Violation;
use super::random::Random;
use super::trace::{describe, kind};
use super::weather::Weather;

/// Simulated time that one life may take.
const LIFE_MAX: Duration = Duration::from_secs(3_600);
/// Turns of the engine without any time passing.
const TURNS_MAX: u64 = 2_000_000;

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The process is killed.
    Process,
    /// The page cache is lost too.
    Power,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct World(RefCell<State>);

#[derive(Debug)]
struct State {
    disk: Disk,
    /// Of the present life.
    weather: Weather,
    usual_weather: Weather,
    random: Random,
    now: Duration,
    /// Operations under way, by the time at which they are done.
    queue: BTreeMap<(Duration, u64), u64>,
    /// The disk's moment at which each began.
    begun: HashMap<u64, u64>,
    operations: u64,
    /// The number of the operation at which the life ends.
    stop_at: Option<u64>,
    life_began: Duration,
    turns: u64,
    /// Nothing that happens counts any more.
    over: bool,
    /// Those that were under way when it ended.
    cut: BTreeSet<u64>,
    violation: Option<Violation>,
    waker: Option<Waker>,
    /// Of everything that happened.
    digest: u64,
}

impl World {
    pub(crate) fn new(weather: Weather, random: Random) -> Rc<Self> {
        let mut disk = Disk::new();
        let _made = disk.make_dir(Path::new("/data"));
        let mut state = State {
            disk,
            weather: weather.clone(),
            usual_weather: weather,
            random,
            now: Duration::ZERO,
            queue: BTreeMap::new(),
            begun: HashMap::new(),
            operations: 0,
            stop_at: None,
            life_began: Duration::ZERO,
            turns: 0,
            over: false,
            cut: BTreeSet::new(),
            violation: None,
            waker: None,
            digest: 0,
        };
        state.disk.sync(0, u64::MAX, &mut state.random);
        clock::simulate(Duration::ZERO);
        Rc::new(Self(RefCell::new(state)))
    }

    /// A new life, which ends after so many operations.
    pub(crate) fn begin_life(&self, operations: Option<u64>) {
        let mut state = self.0.borrow_mut();
        state.over = false;
        state.weather = state.usual_weather.clone();
        state.stop_at = operations.map(|count| state.operations + count);
        state.life_began = state.now;
        state.turns = 0;
        assert!(state.queue.is_empty(), "operations of a life before");
    }

    /// Resolves when the life is over.
    pub(crate) async fn over(&self) {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            if state.over {
                return Poll::Ready(());
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.borrow().over
    }

    /// Ends the life now.
    pub(crate) fn stop(&self) {
        self.0.borrow_mut().end();
    }

    pub(crate) fn report(&self, violation: Violation) {
        let mut state = self.0.borrow_mut();
        if !state.over {
            state.violation.get_or_insert(violation);
            state.end();
        }
    }

    /// Notes a broken invariant of a life that is over.
    pub(crate) fn note(&self, violation: Violation) {
        self.0.borrow_mut().violation.get_or_insert(violation);
    }

    /// From now on everything works in this life.
    pub(crate) fn no_more_failures(&self) {
        self.0.borrow_mut().weather.clear();
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        self.0.borrow().violation.clone()
    }

    /// What the stop leaves of the disk. Nothing may be under way any more.
    pub(crate) fn settle(&self, stop: Stop) {
        let state = &mut *self.0.borrow_mut();
        assert!(state.queue.is_empty(), "operations that nobody waits for");
        state.cut.clear();
        state.begun.clear();
        match stop {
            Stop::Process => state.disk.lose_process(),
            Stop::Power => state.disk.lose_power(&mut state.random),
        }
    }

    /// Changes a bit of a segment, or of another file of a partition.
    pub(crate) fn flip(&self) -> Option<String> {
        let state = &mut *self.0.borrow_mut();
        let mut files = state.disk.files();
        files.retain(|(path, _)| path.matches('/').count() > 2);
        if files.is_empty() {
            return None;
        }
        let picked = usize::try_from(state.random.below(files.len() as u64)).unwrap();
        let (path, node) = &files[picked];
        let bytes = state.disk.file(*node).unwrap().now.len();
        if bytes == 0 {
            return None;
        }
        let (at, bit) = (state.random.below(bytes), state.random.below(8));
        let file = state.disk.file_mut(*node).unwrap();
        file.flip(at, u8::try_from(bit).unwrap());
        Some(format!("bit {bit} of byte {at} of {path}"))
    }

    pub(crate) fn operations(&self) -> u64 {
        self.0.borrow().operations
    }

    pub(crate) fn digest(&self) -> u64 {
        self.0.borrow().digest
    }
}

impl State {
    fn end(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.cut = self.queue.values().copied().collect();
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Counts an operation; false when it is too late for it.
    fn step(&mut self, what: u64) -> bool {
        if self.over {
            return false;
        }
        self.operations += 1;
        tracing::debug!("operation {} at {:?}: {what}", self.operations, self.now);
        self.digest = self
            .digest
            .rotate_left(5)
            .wrapping_add(what)
            .wrapping_mul(0x9E37_79B9);
        if self.stop_at == Some(self.operations) {
            self.end();
        }
        !self.over
    }

    fn advance(&mut self, to: Duration) {
        self.now = self.now.max(to);
        self.disk.now = self.now;
        clock::simulate(self.now);
    }

    fn fails(&mut self, request: &Request<'_>) -> Option<Errno> {
        let weather = &self.weather;
        let (fails, may_be_short) = match request {
            Request::Read { .. } => (weather.read_fails, true),
            Request::Write { .. } => (weather.write_fails, true),
            Request::Sync { .. } => (weather.sync_fails, false),
            Request::Open { .. }
            | Request::MakeDir { .. }
            | Request::Rename { .. }
            | Request::Unlink { .. }
            | Request::Allocate { .. }
            | Request::Truncate { .. } => (weather.name_fails, false),
        };
        let (again, full) = (weather.again, weather.is_full(self.now));
        if may_be_short && self.random.chance(again) {
            return Some(self.random.choose(&[libc::EINTR, libc::EAGAIN]));
        }
        if full && self.needs_space(request) {
            return Some(libc::ENOSPC);
        }
        self.random.chance(fails).then_some(libc::EIO)
    }

    fn needs_space(&self, request: &Request<'_>) -> bool {
        match request {
            Request::Open { path, flags } => {
                flags & libc::O_CREAT != 0 && self.disk.find(path).is_err()
            }
            Request::MakeDir { .. } | Request::Rename { .. } | Request::Allocate { .. } => true,
            Request::Write {
                file,
                parts,
                position,
                ..
            } => {
                let bytes: usize = parts.iter().map(|part| part.len()).sum();
                let file = self.disk.file(node(*file)).unwrap();
                position + bytes as u64 > file.now.len()
            }
            Request::Unlink { .. }
            | Request::Read { .. }
            | Request::Sync { .. }
            | Request::Truncate { .. } => false,
        }
    }

    /// Carries an operation out that began at `moment`.
    fn perform(&mut self, request: Request<'_>, moment: u64) -> Result<usize, Errno> {
        tracing::debug!("{}", describe(&request));
        if let Some(error) = self.fails(&request) {
            if error == libc::EIO {
                self.half_done(request);
            }
            return Err(error);
        }
        match request {
            Request::Open { path, flags } => self.disk.open(path, flags),
            Request::MakeDir { path } => self.disk.make_dir(path).map(|()| 0),
            Request::Rename { from, to } => self.disk.rename(from, to).map(|()| 0),
            Request::Unlink { path, directory } => self.disk.unlink(path, directory).map(|()| 0),
            Request::Read {
                file,
                into,
                position,
            } => {
                let length = self.shortened(into.len());
                let file = self.disk.file(node(file))?;
                Ok(file.now.read(position, &mut into[..length]))
            }
            Request::Write {
                file,
                parts,
                position,
                durable,
            } => {
                let bytes = parts.concat();
                let length = self.shortened(bytes.len());
                let (file, position) = if durable {
                    // The last large append would be gone, and nothing else knows of it yet.
                    (node(file), position)
                } else {
                    self.misplaced(node(file), position)
                };
                let moment = self.disk.moment();
                let file = self.disk.file_mut(file)?;
                if durable {
                    file.write_durably(position, &bytes[..length], moment);
                } else {
                    file.write(position, &bytes[..length], moment);
                }
                Ok(length)
            }
            Request::Sync { file } => {
                self.disk.sync(node(file), moment, &mut self.random);
                Ok(0)
            }
            Request::Allocate {
                file,
                position,
                bytes,
            } => {
                let moment = self.disk.moment();
                let file = self.disk.file_mut(node(file))?;
                file.set_len(file.now.len().max(position + bytes), moment);
                Ok(0)
            }
            Request::Truncate { file, len } => {
                let moment = self.disk.moment();
                self.disk.file_mut(node(file))?.set_len(len, moment);
                Ok(0)
            }
        }
    }

    /// What is left of an operation that failed, or that a stop came upon.
    fn half_done(&mut self, request: Request<'_>) {
        let moment = self.disk.moment();
        match request {
            Request::Write {
                file,
                parts,
                position,
                durable,
            } => {
                let bytes = parts.concat();
                let length = self.random.below(bytes.len() as u64 + 1);
                let length = usize::try_from(length).unwrap();
                let Ok(file) = self.disk.file_mut(node(file)) else {
                    return;
                };
                if durable {
                    file.tear(position, &bytes, &mut self.random);
                }
                file.write(position, &bytes[..length], moment);
            }
            Request::Sync { file } => self.disk.sync_failed(node(file), &mut self.random),
            Request::Open { .. }
            | Request::Read { .. }
            | Request::MakeDir { .. }
            | Request::Rename { .. }
            | Request::Unlink { .. }
            | Request::Allocate { .. }
            | Request::Truncate { .. } => {}
        }
    }

    /// An operation that a stop came upon: it is done, or not, or in part.
    fn cut_short(&mut self, request: Request<'_>, moment: u64) {
        let is_sync = matches!(request, Request::Sync { .. });
        if !is_sync && self.random.chance(500) {
            self.half_done(request);
        } else if self.random.chance(500) {
            let _result = self.perform(request, moment);
        }
    }

    fn shortened(&mut self, bytes: usize) -> usize {
        if bytes <= 4096 || !self.random.chance(self.weather.short) {
            return bytes;
        }
        let pages = self.random.between((1, bytes as u64 / 4096));
        usize::try_from(pages).unwrap() * 4096
    }

    /// Where a write really goes.
    fn misplaced(&mut self, file: usize, position: u64) -> (usize, u64) {
        if !self.random.chance(self.weather.misplaced) {
            return (file, position);
        }
        let files = self.disk.files();
        let is_segment = |path: &str| path.ends_with(".log");
        if !files
            .iter()
            .any(|(path, node)| *node == file && is_segment(path))
        {
            return (file, position);
        }
        // Earlier in the same file: batches do not say which log they are of, so one of another log
        // that has the same offset would pass for the right one. And not onto a large append: the
        // last one is known to have been durable only by what follows it.
        let page = self.random.below(position / 4096 + 1);
        if self.disk.file(file).unwrap().is_direct(page) {
            return (file, position);
        }
        tracing::info!("the write at {position} of file {file} is misplaced");
        (file, page * 4096)
    }
}

impl Simulator for World {
    fn begin(&self, id: u64, request: &Request<'_>) {
        let state = &mut *self.0.borrow_mut();
        let began = state.step(kind(request));
        let slow = state.random.chance(state.weather.slow);
        let micros = if slow { (1_000, 200_000) } else { (20, 600) };
        let takes = Duration::from_micros(state.random.between(micros));
        let done = if began { state.now + takes } else { state.now };
        state.begun.insert(id, state.disk.moment());
        state
            .queue
            .insert((done, state.begun.len() as u64 ^ id), id);
        if state.over && began {
            state.cut.insert(id);
        }
    }

    fn pass(&self, timeout: Option<Duration>) {
        let state = &mut *self.0.borrow_mut();
        let next = state.queue.first_key_value().map(|((due, _), _)| *due);
        let until = timeout.map(|timeout| state.now + timeout);
        let to = match (next, until) {
            (Some(next), Some(until)) => next.min(until),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) if state.over => return,
            (None, None) => {
                let detail = "no operation is under way, and nobody waits for a time";
                state.violation = Some(Violation::new("NothingIsStuck", detail));
                state.end();
                return;
            }
        };
        state.turns += 1;
        let late = state.now > state.life_began + LIFE_MAX || state.turns > TURNS_MAX;
        if late && !state.over {
            let detail = format!("at {:?} a life is not over", state.now);
            state.violation = Some(Violation::new("NothingIsStuck", detail));
            state.end();
        }
        // Turns take time too.
        let turn = Duration::from_micros(state.random.between((1, 9)));
        state.advance(to.max(state.now + turn));
    }

    fn next_due(&self) -> Option<u64> {
        let state = &mut *self.0.borrow_mut();
        let first = state.queue.first_entry()?;
        (first.key().0 <= state.now || state.over).then(|| first.remove())
    }

    fn complete(&self, id: u64, request: Request<'_>) -> i32 {
        let state = &mut *self.0.borrow_mut();
        let moment = state.begun.remove(&id).unwrap_or_default();
        if !state.step(kind(&request) + 16) {
            state.end();
            if state.cut.remove(&id) {
                state.cut_short(request, moment);
            }
            return -libc::EIO;
        }
        result(state.perform(request, moment))
    }

    fn call(&self, request: Request<'_>) -> i32 {
        let state = &mut *self.0.borrow_mut();
        if !state.step(kind(&request) + 32) {
            return -libc::EIO;
        }
        // A plain call goes on by itself after a part. It is recovery's, and is not misplaced: it
        // could hit the last large append, which nothing else knows of.
        let usual = state.weather.clone();
        (state.weather.short, state.weather.again) = (0, 0);
        state.weather.misplaced = 0;
        let moment = state.disk.moment();
        let done = state.perform(request, moment);
        state.weather = usual;
        result(done)
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        tracing::debug!("read {}", path.display());
        let state = &mut *self.0.borrow_mut();
        if !state.step(64) || state.random.chance(state.weather.read_fails) {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        let node = state
            .disk
            .find(path)
            .map_err(io::Error::from_raw_os_error)?;
        let file = state
            .disk
            .file(node)
            .map_err(io::Error::from_raw_os_error)?;
        let mut bytes = vec![0; usize::try_from(file.now.len()).unwrap()];
        file.now.read(0, &mut bytes);
        Ok(bytes)
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let state = &mut *self.0.borrow_mut();
        if !state.step(65) {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        let names = state
            .disk
            .list(path)
            .map_err(io::Error::from_raw_os_error)?;
        tracing::debug!("{} has {names:?}", path.display());
        let entries = names.into_iter().map(|(name, is_dir)| DirEntry {
            name: name.into(),
            is_dir,
        });
        Ok(entries.collect())
    }

    fn file_info(&self, path: &Path) -> io::Result<FileInfo> {
        let state = self.0.borrow();
        let node = state
            .disk
            .find(path)
            .map_err(io::Error::from_raw_os_error)?;
        let Ok(file) = state.disk.file(node) else {
            return Ok(FileInfo {
                bytes: 0,
                modified_ms: 0,
            });
        };
        Ok(FileInfo {
            bytes: file.now.len(),
            modified_ms: i64::try_from(file.modified.as_millis()).unwrap(),
        })
    }

    fn file_len(&self, file: i32) -> u64 {
        let state = self.0.borrow();
        state.disk.file(node(file)).map_or(0, |file| file.now.len())
    }
}

fn node(file: i32) -> usize {
    usize::try_from(file).unwrap()
}

fn result(result: Result<usize, Errno>) -> i32 {
    match result {
        Ok(count) => i32::try_from(count).unwrap(),
        Err(error) => -error,
    }
}
