//! Reads some partitions of one topic from the broker that leads them: one Fetch at a time, in a
//! fetch session. Shell.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use protocol::error_code::ErrorCode;
use protocol::messages::fetch_request::{FetchPartition, FetchRequest, FetchTopic};
use protocol::messages::fetch_response::FetchResponse;
use storage::tasks;

use super::here::Here;
use super::position::{Position, ReadError};
use crate::client::connection::{Connection, ConnectionError};
use crate::client::refusal::Refusal;
use crate::measure::now;

const PAUSE: Duration = Duration::from_millis(50);
/// The epoch of a request that asks for a session, and of one that wants none.
const NEW_SESSION: i32 = 0;
const NO_SESSION: i32 = -1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("the fetch failed: {0}")]
    Fetch(Refusal),
    #[error("partition {partition}: {refusal}")]
    Refused { partition: i32, refusal: Refusal },
    #[error("an answer is about partition {0}, which was not asked for")]
    Foreign(i32),
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl FetchError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Connection(error) => error.may_pass(),
            Self::Fetch(refusal) | Self::Refused { refusal, .. } => {
                refusal.is_retriable() || is_about_the_session(*refusal)
            }
            Self::Foreign(_) | Self::Read(_) => false,
        }
    }
}

fn is_about_the_session(refusal: Refusal) -> bool {
    refusal.is(ErrorCode::FetchSessionIdNotFound) || refusal.is(ErrorCode::InvalidFetchSessionEpoch)
}

#[derive(Debug, Clone, Copy)]
struct Session {
    id: i32,
    epoch: i32,
}

#[derive(Debug)]
pub(crate) struct Fetcher {
    here: Rc<Here>,
    topic: usize,
    leader: SocketAddr,
    positions: Vec<Position>,
    /// The place of a partition among the positions.
    places: HashMap<i32, usize>,
    /// Positions that the broker does not know yet.
    moved: Vec<usize>,
    session: Session,
    /// Where members of groups see how far this one is; and when it is to end.
    pub(crate) progress: Rc<RefCell<BTreeMap<i32, i64>>>,
    pub(crate) stop: Rc<Cell<bool>>,
}

impl Fetcher {
    pub(crate) fn new(
        here: Rc<Here>,
        topic: usize,
        leader: SocketAddr,
        positions: Vec<Position>,
    ) -> Self {
        let mut places = HashMap::with_capacity(positions.len());
        for (place, position) in positions.iter().enumerate() {
            places.insert(position.partition, place);
        }
        Self {
            here,
            topic,
            leader,
            positions,
            places,
            moved: Vec::new(),
            session: Session {
                id: 0,
                epoch: NEW_SESSION,
            },
            progress: Rc::default(),
            stop: Rc::default(),
        }
    }

    /// Reads until it is enough; what it got is its positions'.
    pub(crate) async fn run(mut self) -> Vec<Position> {
        let mut failing: Option<u64> = None;
        while !self.is_done() {
            let before = now();
            let Err(error) = self.read_all().await else {
                break;
            };
            // A while without failure lies between two that belong together only if it is short.
            if failing.is_some_and(|since| before.saturating_sub(since) > 2 * self.patience()) {
                failing = None;
            }
            let since = *failing.get_or_insert_with(now);
            if !error.may_pass() || now().saturating_sub(since) > self.patience() {
                self.here.consumer_failed(&error);
                break;
            }
            self.session.epoch = NEW_SESSION;
            self.session.id = 0;
            tasks::sleep(PAUSE).await;
        }
        self.positions
    }

    fn patience(&self) -> u64 {
        u64::try_from(self.here.setup.give_up.as_nanos()).unwrap_or(u64::MAX)
    }

    fn is_done(&self) -> bool {
        let at_ends = || self.positions.iter().all(Position::is_at_end);
        self.stop.get() || self.here.consumers_stop() || (self.here.setup.stop_at_ends && at_ends())
    }

    async fn read_all(&mut self) -> Result<(), FetchError> {
        let mut connection = Connection::open(self.here.ring.clone(), self.leader).await?;
        while !self.here.control.released.load(Ordering::Relaxed) {
            if self.is_done() {
                return Ok(());
            }
            tasks::sleep(PAUSE).await;
        }
        while !self.is_done() {
            let request = self.request();
            let sent = now();
            let response = connection.call(&request).await?;
            self.take(&response, sent, now())?;
        }
        Ok(())
    }

    /// All positions at first, later those that the session does not know.
    fn request(&mut self) -> FetchRequest {
        let knobs = &self.here.setup.consumer;
        let stop_at_ends = self.here.setup.stop_at_ends;
        if stop_at_ends {
            self.session.epoch = NO_SESSION;
        }
        let wanted = |position: &Position| FetchPartition {
            partition: position.partition,
            fetch_offset: position.offset,
            partition_max_bytes: knobs.max_partition_fetch_bytes,
            ..FetchPartition::default()
        };
        let partitions: Vec<_> = if self.session.epoch > NEW_SESSION {
            let moved = self.moved.iter();
            moved.map(|place| wanted(&self.positions[*place])).collect()
        } else {
            let positions = self.positions.iter();
            let unfinished = positions.filter(|position| !stop_at_ends || !position.is_at_end());
            unfinished.map(wanted).collect()
        };
        self.moved.clear();
        let topic = &self.here.setup.topics[self.topic];
        let topics = FetchTopic {
            topic: topic.name.clone(),
            topic_id: topic.id,
            partitions,
        };
        FetchRequest {
            max_wait_ms: knobs.fetch_max_wait_ms,
            min_bytes: knobs.fetch_min_bytes,
            max_bytes: knobs.fetch_max_bytes,
            isolation_level: i8::from(knobs.read_committed),
            session_id: self.session.id,
            session_epoch: self.session.epoch,
            topics: if topics.partitions.is_empty() {
                Vec::new()
            } else {
                vec![topics]
            },
            ..FetchRequest::default()
        }
    }

    /// Checks an answer and notes what came.
    fn take(&mut self, response: &FetchResponse, sent: u64, now: u64) -> Result<(), FetchError> {
        Refusal::check(response.error_code).map_err(FetchError::Fetch)?;
        self.session = match (self.session.epoch, response.session_id) {
            (NO_SESSION, _) | (_, 0) => Session {
                id: 0,
                epoch: NEW_SESSION,
            },
            (epoch, id) => Session {
                id,
                epoch: epoch.checked_add(1).unwrap_or(1),
            },
        };
        let mut any = false;
        let topics = response.responses.iter();
        for data in topics.flat_map(|topic| &topic.partitions) {
            let partition = data.partition_index;
            Refusal::check(data.error_code)
                .map_err(|refusal| FetchError::Refused { partition, refusal })?;
            let place = self.places.get(&partition);
            let place = *place.ok_or(FetchError::Foreign(partition))?;
            let position = &mut self.positions[place];
            let before = position.offset;
            let arrived = position.advance(data, self.here.setup.run)?;
            if position.offset == before {
                continue;
            }
            let offset = position.offset;
            self.moved.push(place);
            self.progress.borrow_mut().insert(partition, offset);
            any |= arrived.records > 0;
            self.note(&arrived, now);
        }
        if any {
            self.here.last.set(now);
            self.here.count(now, |counts| counts.fetches += 1);
            self.here
                .record(now, |series| series.fetch.record(now - sent));
        }
        Ok(())
    }

    fn note(&self, arrived: &super::position::Arrived, now: u64) {
        let here = &*self.here;
        here.count(now, |counts| {
            counts.received += arrived.records;
            counts.received_bytes += arrived.bytes;
        });
        let counted = if here.all_stamped {
            arrived.intended.len() as u64
        } else {
            arrived.records
        };
        here.control.received.fetch_add(counted, Ordering::Relaxed);
        here.damaged.set(here.damaged.get() + arrived.damaged);
        for intended in &arrived.intended {
            let due = intended.saturating_sub(here.setup.epoch);
            let latency = now.saturating_sub(due);
            here.record(due, |series| series.end_to_end.record(latency));
        }
    }
}
