//! Fetch sessions (KIP-227): what a consumer asked for before, so that it need not say it again. Pure.
//!
//! One cache for each shard; a session lives where its connection lives. A client that reconnects
//! to another shard is told `FETCH_SESSION_ID_NOT_FOUND` and begins a new session, as it does after
//! an eviction. Ids of different shards never meet: an id modulo the shard count is its shard.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use protocol::addressing::TopicRef;
use protocol::error_code::ErrorCode;

/// A session unused for this long may make room for a new one (Kafka's value).
const EVICTION_AGE: Duration = Duration::from_secs(120);
/// What the sessions of one shard may hold; beyond it fetches are served without a session.
const HELD_BYTES_MAX: usize = 64 << 20;
/// A partition with its places in the map and in the order, and in the fetch that is made from them.
const PARTITION_BYTES: usize = 512;

/// `session_epoch` of a request outside any session.
const EPOCH_FINAL: i32 = -1;
/// `session_epoch` of a request for a new session.
const EPOCH_INITIAL: i32 = 0;

/// One partition of a fetch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PartitionKey {
    pub(crate) topic: TopicRef,
    pub(crate) partition: i32,
}

/// What is asked of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) fetch_offset: i64,
    /// `-1`: not checked.
    pub(crate) current_leader_epoch: i32,
    /// `-1`: not known.
    pub(crate) last_fetched_epoch: i32,
    pub(crate) bytes_max: i32,
}

/// What a response would say of one partition: decides whether an incremental response says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) error: ErrorCode,
    pub(crate) high_watermark: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) has_records: bool,
    pub(crate) diverging: bool,
}

/// A request, reduced to what sessions are about.
#[derive(Debug)]
pub(crate) struct SessionRequest {
    pub(crate) session_id: i32,
    pub(crate) session_epoch: i32,
    pub(crate) uses_topic_ids: bool,
    pub(crate) wanted: Vec<(PartitionKey, Wanted)>,
    pub(crate) forgotten: Vec<PartitionKey>,
}

/// What to fetch, and in which session the answer goes out.
#[derive(Debug)]
pub(crate) struct SessionFetch {
    /// `0`: no session.
    pub(crate) session_id: i32,
    pub(crate) partitions: Vec<(PartitionKey, Wanted)>,
    /// Whether unchanged partitions are left out of the response.
    pub(crate) incremental: bool,
}

#[derive(Debug)]
struct Cached {
    wanted: Wanted,
    order: u64,
    high_watermark: i64,
    log_start_offset: i64,
}

#[derive(Debug)]
struct Session {
    epoch_next: i32,
    uses_topic_ids: bool,
    used_at: Duration,
    partitions: HashMap<PartitionKey, Cached>,
    /// Partitions in the order served: one that had records goes to the end, so that a small
    /// `max_bytes` starves none.
    order: BTreeMap<u64, PartitionKey>,
    order_next: u64,
    held_bytes: usize,
}

impl Session {
    fn new(uses_topic_ids: bool, now: Duration) -> Self {
        Self {
            epoch_next: 1,
            uses_topic_ids,
            used_at: now,
            partitions: HashMap::new(),
            order: BTreeMap::new(),
            order_next: 0,
            held_bytes: 0,
        }
    }

    fn want(&mut self, key: PartitionKey, wanted: Wanted) {
        if let Some(cached) = self.partitions.get_mut(&key) {
            cached.wanted = wanted;
            return;
        }
        let order = self.order_next;
        self.order_next += 1;
        self.held_bytes += held_bytes(&key);
        self.order.insert(order, key.clone());
        let cached = Cached {
            wanted,
            order,
            high_watermark: -1,
            log_start_offset: -1,
        };
        self.partitions.insert(key, cached);
    }

    fn forget(&mut self, key: &PartitionKey) {
        if let Some(cached) = self.partitions.remove(key) {
            self.held_bytes -= held_bytes(key);
            self.order.remove(&cached.order);
        }
    }

    fn move_to_end(&mut self, key: &PartitionKey) {
        let Some(cached) = self.partitions.get_mut(key) else {
            return;
        };
        self.order.remove(&cached.order);
        cached.order = self.order_next;
        self.order.insert(self.order_next, key.clone());
        self.order_next += 1;
    }

    fn in_order(&self) -> Vec<(PartitionKey, Wanted)> {
        self.order
            .values()
            .filter_map(|key| Some((key.clone(), self.partitions.get(key)?.wanted)))
            .collect()
    }
}

/// What a session holds for one partition. A name is counted for each, although they share it:
/// nobody need know who else has it.
fn held_bytes(key: &PartitionKey) -> usize {
    let name = match &key.topic {
        TopicRef::Name(name) => name.len(),
        TopicRef::Id(_) => 0,
    };
    PARTITION_BYTES + name
}

/// The sessions of one shard.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    sessions: HashMap<i32, Session>,
    sessions_max: usize,
    held_bytes: usize,
    shard: i32,
    shards: i32,
    id_next: i32,
}

impl FetchSessions {
    pub(crate) fn new(sessions_max: usize, shard: usize, shards: usize) -> Self {
        let shard = i32::try_from(shard).unwrap_or(0);
        let shards = i32::try_from(shards).unwrap_or(1);
        Self {
            sessions: HashMap::new(),
            sessions_max,
            held_bytes: 0,
            shard,
            shards,
            id_next: 1,
        }
    }

    /// Takes a request into its session.
    ///
    /// # Errors
    /// `FETCH_SESSION_ID_NOT_FOUND`, `INVALID_FETCH_SESSION_EPOCH`, `FETCH_SESSION_TOPIC_ID_ERROR`:
    /// the whole response is then this error.
    pub(crate) fn begin(
        &mut self,
        request: SessionRequest,
        now: Duration,
    ) -> Result<SessionFetch, ErrorCode> {
        match request.session_epoch {
            EPOCH_FINAL => {
                self.close(request.session_id);
                Ok(SessionFetch {
                    session_id: 0,
                    partitions: request.wanted,
                    incremental: false,
                })
            }
            EPOCH_INITIAL => {
                self.close(request.session_id);
                let session_id = self.open(&request, now);
                Ok(SessionFetch {
                    session_id,
                    partitions: request.wanted,
                    incremental: false,
                })
            }
            epoch => self.continue_session(request, epoch, now),
        }
    }

    fn open(&mut self, request: &SessionRequest, now: Duration) -> i32 {
        if !self.make_room(now) {
            return 0;
        }
        let mut session = Session::new(request.uses_topic_ids, now);
        for (key, wanted) in &request.wanted {
            session.want(key.clone(), *wanted);
        }
        if self.held_bytes + session.held_bytes > HELD_BYTES_MAX {
            return 0;
        }
        let id = self.unused_id();
        self.held_bytes += session.held_bytes;
        self.sessions.insert(id, session);
        id
    }

    fn close(&mut self, id: i32) {
        if let Some(session) = self.sessions.remove(&id) {
            self.held_bytes -= session.held_bytes;
        }
    }

    fn make_room(&mut self, now: Duration) -> bool {
        if self.sessions.len() < self.sessions_max {
            return true;
        }
        let oldest = self
            .sessions
            .iter()
            .min_by_key(|(_, session)| session.used_at);
        let Some((&id, session)) = oldest else {
            return false;
        };
        if now.saturating_sub(session.used_at) < EVICTION_AGE {
            return false;
        }
        self.close(id);
        true
    }

    fn unused_id(&mut self) -> i32 {
        loop {
            let count = self.id_next;
            self.id_next = self
                .id_next
                .checked_add(1)
                .filter(|next| *next < i32::MAX / self.shards)
                .unwrap_or(1);
            let id = count * self.shards + self.shard;
            if id != 0 && !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }

    fn continue_session(
        &mut self,
        request: SessionRequest,
        epoch: i32,
        now: Duration,
    ) -> Result<SessionFetch, ErrorCode> {
        let id = request.session_id;
        let Some(session) = self.sessions.get_mut(&id) else {
            return Err(ErrorCode::FetchSessionIdNotFound);
        };
        if session.epoch_next != epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.uses_topic_ids != request.uses_topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.epoch_next = epoch.checked_add(1).unwrap_or(1);
        session.used_at = now;
        let held_before = session.held_bytes;
        for (key, wanted) in request.wanted {
            session.want(key, wanted);
        }
        for key in &request.forgotten {
            session.forget(key);
        }
        self.held_bytes = self.held_bytes - held_before + session.held_bytes;
        if self.held_bytes > HELD_BYTES_MAX {
            self.close(id); // the client begins anew, and is served without a session
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        let partitions = session.in_order();
        if partitions.is_empty() {
            self.close(id);
            return Ok(SessionFetch {
                session_id: 0,
                partitions,
                incremental: false,
            });
        }
        Ok(SessionFetch {
            session_id: id,
            partitions,
            incremental: true,
        })
    }

    /// Notes what is about to be answered for a partition; whether an incremental response must
    /// hold it: it has records, an error, or a watermark the client has not seen.
    pub(crate) fn must_answer(
        &mut self,
        session_id: i32,
        key: &PartitionKey,
        answered: Answered,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(&session_id) else {
            return true;
        };
        if answered.has_records {
            session.move_to_end(key);
        }
        let Some(cached) = session.partitions.get_mut(key) else {
            return true;
        };
        let changed = cached.high_watermark != answered.high_watermark
            || cached.log_start_offset != answered.log_start_offset;
        cached.high_watermark = answered.high_watermark;
        cached.log_start_offset = answered.log_start_offset;
        let failed = answered.error != ErrorCode::None || answered.diverging;
        if failed {
            cached.high_watermark = -1; // so that the recovery from the error is said too
        }
        changed || failed || answered.has_records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(partition: i32) -> PartitionKey {
        PartitionKey {
            topic: TopicRef::Name("t".into()),
            partition,
        }
    }

    fn wanted(fetch_offset: i64) -> Wanted {
        Wanted {
            fetch_offset,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            bytes_max: 100,
        }
    }

    fn request(id: i32, epoch: i32, wanted: Vec<(PartitionKey, Wanted)>) -> SessionRequest {
        let (session_id, session_epoch) = (id, epoch);
        SessionRequest {
            session_id,
            session_epoch,
            uses_topic_ids: false,
            wanted,
            forgotten: vec![],
        }
    }

    fn answered(high_watermark: i64, has_records: bool) -> Answered {
        let error = ErrorCode::None;
        Answered {
            error,
            high_watermark,
            log_start_offset: 0,
            has_records,
            diverging: false,
        }
    }

    fn open(sessions: &mut FetchSessions, partitions: i32) -> i32 {
        let all = (0..partitions).map(|p| (key(p), wanted(0))).collect();
        sessions
            .begin(request(0, EPOCH_INITIAL, all), Duration::ZERO)
            .unwrap()
            .session_id
    }

    #[test]
    fn incremental_fetch_remembers_updates_and_forgets() {
        let mut sessions = FetchSessions::new(10, 1, 4);
        let id = open(&mut sessions, 3);
        assert_eq!(id % 4, 1, "an id tells its shard");
        let mut next = request(id, 1, vec![(key(1), wanted(7))]);
        next.forgotten.push(key(2));
        let fetch = sessions.begin(next, Duration::ZERO).unwrap();
        assert!(fetch.incremental);
        assert_eq!(
            fetch.partitions,
            vec![(key(0), wanted(0)), (key(1), wanted(7))]
        );
    }

    #[test]
    fn wrong_epoch_and_unknown_id_are_refused() {
        let mut sessions = FetchSessions::new(10, 0, 1);
        let id = open(&mut sessions, 1);
        let wrong_epoch = sessions
            .begin(request(id, 2, vec![]), Duration::ZERO)
            .unwrap_err();
        assert_eq!(wrong_epoch, ErrorCode::InvalidFetchSessionEpoch);
        let unknown = sessions
            .begin(request(id + 1, 1, vec![]), Duration::ZERO)
            .unwrap_err();
        assert_eq!(unknown, ErrorCode::FetchSessionIdNotFound);
        let mut by_id = request(id, 1, vec![]);
        by_id.uses_topic_ids = true;
        let mixed = sessions.begin(by_id, Duration::ZERO).unwrap_err();
        assert_eq!(mixed, ErrorCode::FetchSessionTopicIdError);
    }

    #[test]
    fn only_changes_are_answered_and_served_partitions_go_last() {
        let mut sessions = FetchSessions::new(10, 0, 1);
        let id = open(&mut sessions, 2);
        assert!(sessions.must_answer(id, &key(0), answered(5, true)));
        assert!(
            sessions.must_answer(id, &key(1), answered(0, false)),
            "first watermark is news"
        );
        let fetch = sessions
            .begin(request(id, 1, vec![]), Duration::ZERO)
            .unwrap();
        assert_eq!(
            fetch.partitions[0].0,
            key(1),
            "the one that had records is now last"
        );
        assert!(!sessions.must_answer(id, &key(1), answered(0, false)));
        let failed = Answered {
            error: ErrorCode::NotLeaderOrFollower,
            ..answered(0, false)
        };
        assert!(sessions.must_answer(id, &key(1), failed));
        assert!(
            sessions.must_answer(id, &key(1), answered(0, false)),
            "the error is over"
        );
    }

    #[test]
    fn a_full_cache_evicts_only_old_sessions() {
        let mut sessions = FetchSessions::new(1, 0, 1);
        let first = open(&mut sessions, 1);
        assert_ne!(first, 0);
        assert_eq!(
            open(&mut sessions, 1),
            0,
            "no slot: the fetch is served without a session"
        );
        let later = EVICTION_AGE + Duration::from_secs(1);
        let all = vec![(key(0), wanted(0))];
        let id = sessions
            .begin(request(0, EPOCH_INITIAL, all), later)
            .unwrap()
            .session_id;
        assert_ne!(id, 0);
        let gone = sessions
            .begin(request(first, 1, vec![]), later)
            .unwrap_err();
        assert_eq!(gone, ErrorCode::FetchSessionIdNotFound);
    }

    #[test]
    fn sessions_are_bounded_by_what_they_hold() {
        let mut sessions = FetchSessions::new(10, 0, 1);
        let most = i32::try_from(HELD_BYTES_MAX / (PARTITION_BYTES + 1)).unwrap();
        let id = open(&mut sessions, most);
        assert_ne!(id, 0);
        assert_eq!(
            open(&mut sessions, 1_000),
            0,
            "no room: served without a session"
        );
        let more = (most..most + 1_000).map(|p| (key(p), wanted(0))).collect();
        let grown = sessions
            .begin(request(id, 1, more), Duration::ZERO)
            .unwrap_err();
        assert_eq!(grown, ErrorCode::FetchSessionIdNotFound);
        assert_eq!(
            sessions.held_bytes, 0,
            "a session that outgrows the room is closed"
        );
        assert_ne!(open(&mut sessions, 1_000), 0);
    }

    #[test]
    fn an_emptied_session_is_closed() {
        let mut sessions = FetchSessions::new(10, 0, 1);
        let id = open(&mut sessions, 1);
        let mut next = request(id, 1, vec![]);
        next.forgotten.push(key(0));
        assert_eq!(sessions.begin(next, Duration::ZERO).unwrap().session_id, 0);
        assert!(
            sessions
                .begin(request(id, 2, vec![]), Duration::ZERO)
                .is_err()
        );
    }
}
