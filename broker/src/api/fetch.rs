//! `Fetch` (1), versions 4-18: committed batches from the offsets asked for.
//!
//! Third step of the fetch walk. One hop for each owning shard reads what is there; when that is
//! less than `min_bytes`, the fetch waits for a high watermark to rise or its time to pass, and
//! reads again. What comes back are slices of memory and ranges of files; nothing is copied here.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use protocol::addressing::TopicRef;
use protocol::error_code::ErrorCode;
use protocol::fetch::{EpochEndOffset, FetchOutcome, FetchPiece, FetchRequest, FetchResponse};
use storage::clock;
use storage::log::aborted::AbortedTransaction;
use storage::log::{LogPart, LogSlice};

use crate::api::fetch_session::{Answered, PartitionKey, SessionFetch, SessionRequest, Wanted};
use crate::api::{Answer, Call, CloseReason, Outcome};
use crate::metadata::image::ClusterImage;
use crate::net::connection::Connection;
use crate::net::response::{Part, Response};
use crate::partition::table::PartitionId;
use crate::partition::{Bounds, Isolation, Partition};
use crate::shard::Shard;
use crate::shard::watches::{self, Awaited};

const TOPIC_IDS_FROM_VERSION: i16 = 13;
/// What a fetch that waits holds for each partition.
const PARTITION_BYTES: usize = 192;
/// A fetch of more partitions does not wait longer than this, whatever it asks for, so that the
/// memory of those that wait is bounded.
const PARTITIONS_MANY: usize = 4096;
const WAIT_FOR_MANY_MAX: Duration = Duration::from_millis(500);
/// Partitions read in a row before other tasks of the core have their turn.
const READS_IN_A_ROW: usize = 128;

/// What is told beside an error.
const NO_BOUNDS: Bounds = Bounds {
    high_watermark: -1,
    last_stable_offset: -1,
    log_start_offset: -1,
};

/// One partition to read, for its owner.
#[derive(Debug, Clone, Copy)]
struct Read {
    /// Place in the fetch.
    place: usize,
    id: PartitionId,
    wanted: Wanted,
}

/// What the owner found.
#[derive(Debug)]
struct Found {
    place: usize,
    bounds: Bounds,
    result: Result<Records, ErrorCode>,
}

#[derive(Debug)]
enum Records {
    Slice(LogSlice),
    /// For who reads committed records only: with the transactions to pass over.
    Committed(LogSlice, Vec<AbortedTransaction>),
    /// The client's log is not a prefix of ours (KIP-595): it must truncate.
    Diverging(EpochEndOffset),
}

/// A fetch while it is served.
struct Fetch {
    isolation: Isolation,
    bytes_min: usize,
    bytes_max: usize,
    deadline: Duration,
    session: SessionFetch,
    /// The partitions that can be read, resolved; the others are in `unreadable`.
    reads: Vec<Read>,
    unreadable: Vec<(usize, ErrorCode)>,
}

/// Begins the fetch; the answer comes when there is enough, or the time is up.
pub(crate) async fn answer(mut call: Call) -> Result<Answer, CloseReason> {
    let version = call.header.api_version;
    let request = FetchRequest::parse(call.body.clone(), version);
    let request = request.map_err(|error| call.malformed(error))?;
    if request.replica_id >= 0 {
        // followers come with replication; nobody may move a high watermark from outside
        let error = ErrorCode::ClusterAuthorizationFailed;
        return Ok(Answer::Ready(refuse_all(&call, &request, error)));
    }
    let shard = Rc::clone(&call.connection.shard);
    let begun = shard
        .sessions
        .borrow_mut()
        .begin(session_request(&request, version), clock::monotonic());
    let session = match begun {
        Ok(session) => session,
        Err(error) => return Ok(Answer::Ready(refused(&call, error))),
    };
    let isolation = Isolation::from_level(request.isolation_level);
    let or_any = isolation.unwrap_or(Isolation::ReadUncommitted);
    let mut fetch = Fetch::new(&shard, &request, or_any, session);
    if let Err(error) = isolation
        && !fetch.reads.is_empty()
    {
        return Ok(Answer::Ready(refuse_all(&call, &request, error)));
    }
    let partitions = fetch.session.partitions.len();
    if partitions > PARTITIONS_MANY {
        fetch.deadline = fetch.deadline.min(clock::monotonic() + WAIT_FOR_MANY_MAX);
    }
    drop(request);
    call.let_go_of_body();
    let outcome = async move {
        let found = fetch.read_enough(&shard, &call.connection).await;
        fetch.respond(&shard, &call, found)
    };
    Ok(Answer::Pending {
        outcome: Box::pin(outcome),
        held_bytes: partitions * PARTITION_BYTES,
    })
}

fn refused(call: &Call, error: ErrorCode) -> Outcome {
    send(call, &FetchResponse::new(error, 0), Vec::new())
}

/// Old versions have no error of the whole response; newer ones have nothing else then.
fn refuse_all(call: &Call, request: &FetchRequest, error: ErrorCode) -> Outcome {
    if call.header.api_version >= TOPIC_IDS_FROM_VERSION {
        return refused(call, error);
    }
    let mut response = FetchResponse::new(error, 0);
    for span in &request.topics {
        response.begin_topic(span.topic.clone());
        for partition in &request.partitions[span.partitions()] {
            response.push(not_asked(partition.partition, error));
        }
    }
    let slices = request.partitions.iter().map(|_| LogSlice::default());
    send(call, &response, slices.collect())
}

/// The answer for a partition that is refused without a look at its log.
fn not_asked(partition: i32, error: ErrorCode) -> FetchOutcome {
    FetchOutcome {
        // as Kafka has it then
        aborted_transactions: Some(Vec::new()),
        ..FetchOutcome::failed(partition, error)
    }
}

fn session_request(request: &FetchRequest, version: i16) -> SessionRequest {
    let wanted = request.partitions.iter().map(|partition| {
        let topic = request.topic_of(partition).clone();
        let key = PartitionKey {
            topic,
            partition: partition.partition,
        };
        let wanted = Wanted {
            fetch_offset: partition.fetch_offset,
            current_leader_epoch: partition.current_leader_epoch,
            last_fetched_epoch: partition.last_fetched_epoch,
            bytes_max: partition.partition_max_bytes,
        };
        (key, wanted)
    });
    let forgotten = request.forgotten_topics.iter().flat_map(|span| {
        let partitions = &request.forgotten_partitions[span.partitions()];
        partitions.iter().map(|&partition| PartitionKey {
            topic: span.topic.clone(),
            partition,
        })
    });
    SessionRequest {
        session_id: request.session_id,
        session_epoch: request.session_epoch,
        uses_topic_ids: version >= TOPIC_IDS_FROM_VERSION,
        wanted: wanted.collect(),
        forgotten: forgotten.collect(),
    }
}

impl Fetch {
    fn new(
        shard: &Shard,
        request: &FetchRequest,
        isolation: Isolation,
        session: SessionFetch,
    ) -> Self {
        let bytes = |bytes: i32| usize::try_from(bytes).unwrap_or(0);
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let mut fetch = Self {
            isolation,
            bytes_min: bytes(request.min_bytes),
            bytes_max: bytes(request.max_bytes).min(shard.settings.limits.fetch_bytes_max as usize),
            deadline: clock::monotonic() + wait,
            session,
            reads: Vec::new(),
            unreadable: Vec::new(),
        };
        let image = shard.image();
        for (place, (key, wanted)) in fetch.session.partitions.iter().enumerate() {
            match resolve(&image, key) {
                Ok(id) => fetch.reads.push(Read {
                    place,
                    id,
                    wanted: *wanted,
                }),
                Err(error) => fetch.unreadable.push((place, error)),
            }
        }
        fetch
    }

    /// Reads until there is enough, something failed, the time is up, or nobody waits any more.
    async fn read_enough(&self, shard: &Rc<Shard>, connection: &Connection) -> Vec<Found> {
        loop {
            let found = read_all(shard, &self.reads, self.bytes_max, self.isolation).await;
            let found = self.limited(found);
            let now = clock::monotonic();
            let over = connection.has_ended() || shard.stop.is_requested();
            if over || self.is_enough(&found) || now >= self.deadline {
                return found;
            }
            let awaited = self.awaited(shard, &found);
            let time = self.deadline.saturating_sub(now);
            watches::any_passes(shard, awaited, time, connection.ended()).await;
        }
    }

    /// An error or a divergence is told at once, as in Kafka.
    fn is_enough(&self, found: &[Found]) -> bool {
        let mut bytes = 0;
        for found in found {
            match &found.result {
                Ok(Records::Slice(slice) | Records::Committed(slice, _)) => bytes += slice.bytes,
                Ok(Records::Diverging(_)) | Err(_) => return true,
            }
        }
        bytes >= self.bytes_min || !self.unreadable.is_empty() || self.reads.is_empty()
    }

    /// `max_bytes` over all partitions, in their order: the first records always go out (KIP-74).
    fn limited(&self, mut all: Vec<Found>) -> Vec<Found> {
        all.sort_unstable_by_key(|found| found.place);
        let mut taken = 0;
        for found in &mut all {
            let Ok(Records::Slice(slice) | Records::Committed(slice, _)) = &mut found.result else {
                continue;
            };
            let partition_max = self.session.partitions[found.place].1.bytes_max;
            let partition_max = usize::try_from(partition_max).unwrap_or(0);
            let room = self.bytes_max.saturating_sub(taken).min(partition_max);
            if taken > 0 && slice.bytes > room {
                *slice = LogSlice::default();
            }
            taken += slice.bytes;
        }
        all
    }

    fn awaited(&self, shard: &Shard, found: &[Found]) -> Vec<(usize, Vec<Awaited>)> {
        let mut by_owner: BTreeMap<usize, Vec<Awaited>> = BTreeMap::new();
        let ends: BTreeMap<usize, i64> = found
            .iter()
            .map(|found| (found.place, found.bounds.readable_end(self.isolation)))
            .collect();
        for read in &self.reads {
            let Some(offset) = ends.get(&read.place) else {
                continue;
            };
            by_owner
                .entry(shard.owner_of(read.id))
                .or_default()
                .push(Awaited {
                    id: read.id,
                    offset: *offset,
                    isolation: self.isolation,
                });
        }
        by_owner.into_iter().collect()
    }

    fn respond(&self, shard: &Shard, call: &Call, found: Vec<Found>) -> Outcome {
        let mut outcomes: Vec<(usize, FetchOutcome, LogSlice)> = Vec::new();
        for found in found {
            let (outcome, slice) = self.outcome(found.place, found.bounds, found.result);
            outcomes.push((found.place, outcome, slice));
        }
        for (place, error) in &self.unreadable {
            let key = &self.session.partitions[*place].0;
            let outcome = not_asked(key.partition, *error);
            outcomes.push((*place, outcome, LogSlice::default()));
        }
        outcomes.sort_unstable_by_key(|(place, ..)| *place);
        let mut response = FetchResponse::new(ErrorCode::None, self.session.session_id);
        let mut slices = Vec::new();
        let mut topic: Option<&TopicRef> = None;
        for (place, outcome, slice) in outcomes {
            let key = &self.session.partitions[place].0;
            if !self.must_answer(shard, key, &outcome) {
                continue;
            }
            if topic != Some(&key.topic) {
                response.begin_topic(key.topic.clone());
                topic = Some(&key.topic);
            }
            response.push(outcome);
            slices.push(slice);
        }
        send(call, &response, slices)
    }

    fn must_answer(&self, shard: &Shard, key: &PartitionKey, outcome: &FetchOutcome) -> bool {
        let answered = Answered {
            error: outcome.error_code,
            high_watermark: outcome.high_watermark,
            log_start_offset: outcome.log_start_offset,
            has_records: outcome.records_bytes > 0,
            diverging: outcome.diverging_epoch.is_some(),
        };
        let mut sessions = shard.sessions.borrow_mut();
        let changed = sessions.must_answer(self.session.session_id, key, answered);
        changed || !self.session.incremental
    }

    fn outcome(
        &self,
        place: usize,
        bounds: Bounds,
        result: Result<Records, ErrorCode>,
    ) -> (FetchOutcome, LogSlice) {
        let partition = self.session.partitions[place].0.partition;
        let read_committed = self.isolation == Isolation::ReadCommitted;
        let mut outcome = FetchOutcome {
            high_watermark: bounds.high_watermark,
            last_stable_offset: bounds.last_stable_offset,
            log_start_offset: bounds.log_start_offset,
            aborted_transactions: read_committed.then(Vec::new),
            ..FetchOutcome::failed(partition, ErrorCode::None)
        };
        match result {
            Ok(Records::Slice(slice)) => {
                outcome.records_bytes = slice.bytes;
                (outcome, slice)
            }
            Ok(Records::Committed(slice, aborted)) => {
                outcome.records_bytes = slice.bytes;
                if !slice.is_empty() {
                    outcome.aborted_transactions = Some(on_the_wire(&aborted));
                }
                (outcome, slice)
            }
            Ok(Records::Diverging(end)) => {
                outcome.diverging_epoch = Some(end);
                (outcome, LogSlice::default())
            }
            Err(error) => {
                outcome.error_code = error;
                outcome.aborted_transactions = None;
                (outcome, LogSlice::default())
            }
        }
    }
}

fn resolve(image: &ClusterImage, key: &PartitionKey) -> Result<PartitionId, ErrorCode> {
    let topic = image.resolve(&key.topic)?;
    let placed = topic
        .partition(key.partition)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if placed.leader < 0 {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    Ok((topic.id, key.partition))
}

/// Reads every partition at its owner.
async fn read_all(
    shard: &Rc<Shard>,
    reads: &[Read],
    bytes_max: usize,
    isolation: Isolation,
) -> Vec<Found> {
    let mut by_owner: BTreeMap<usize, Vec<Read>> = BTreeMap::new();
    for read in reads {
        by_owner
            .entry(shard.owner_of(read.id))
            .or_default()
            .push(*read);
    }
    let mut found = Vec::with_capacity(reads.len());
    let mut replies = Vec::new();
    let here = by_owner.remove(&shard.index);
    for (owner, reads) in by_owner {
        let call = move |owner: Rc<Shard>| async move {
            read_here(&owner, &reads, bytes_max, isolation).await
        };
        replies.push(shard.mailbox.send(owner, call).await);
    }
    if let Some(reads) = here {
        found.append(&mut read_here(shard, &reads, bytes_max, isolation).await);
    }
    for reply in replies {
        found.append(&mut reply.await);
    }
    found
}

/// What one partition may still add to a fetch.
#[derive(Debug, Clone, Copy)]
struct Limit {
    room: usize,
    /// Nothing was read before: a batch comes whatever its size (KIP-74).
    first: bool,
}

/// Runs on the owner.
async fn read_here(
    shard: &Rc<Shard>,
    reads: &[Read],
    bytes_max: usize,
    isolation: Isolation,
) -> Vec<Found> {
    let mut found = Vec::with_capacity(reads.len());
    let mut taken = 0;
    for (number, read) in reads.iter().enumerate() {
        if number % READS_IN_A_ROW == READS_IN_A_ROW - 1 {
            storage::tasks::yield_now().await;
        }
        let mut bounds = NO_BOUNDS;
        let result = match shard.partition(read.id).await {
            Ok(partition) => {
                bounds = partition.bounds();
                let room = bytes_max.saturating_sub(taken);
                let limit = Limit {
                    room,
                    first: taken == 0,
                };
                read_partition(&partition, read.wanted, limit, isolation).await
            }
            Err(error) => Err(error),
        };
        match &result {
            Ok(Records::Slice(slice) | Records::Committed(slice, _)) => taken += slice.bytes,
            Ok(Records::Diverging(_)) => {}
            Err(_) => bounds = NO_BOUNDS,
        }
        found.push(Found {
            place: read.place,
            bounds,
            result,
        });
    }
    found
}

async fn read_partition(
    partition: &Partition,
    wanted: Wanted,
    limit: Limit,
    isolation: Isolation,
) -> Result<Records, ErrorCode> {
    partition.check_leader_epoch(wanted.current_leader_epoch)?;
    if let Some(end) = partition.divergence(wanted.last_fetched_epoch, wanted.fetch_offset)? {
        return Ok(Records::Diverging(end));
    }
    let bytes_max = usize::try_from(wanted.bytes_max).unwrap_or(0);
    let (offset, bytes_max) = (wanted.fetch_offset, bytes_max.min(limit.room));
    match isolation {
        Isolation::ReadUncommitted => {
            let slice = partition.read(offset, bytes_max, limit.first).await?;
            Ok(Records::Slice(slice))
        }
        Isolation::ReadCommitted => {
            let read = partition.read_committed(offset, bytes_max, limit.first);
            let (slice, aborted) = read.await?;
            Ok(Records::Committed(slice, aborted))
        }
    }
}

fn on_the_wire(aborted: &[AbortedTransaction]) -> Vec<protocol::fetch::AbortedTransaction> {
    let wire = |aborted: &AbortedTransaction| protocol::fetch::AbortedTransaction {
        producer_id: aborted.producer_id,
        first_offset: aborted.first_offset,
    };
    aborted.iter().map(wire).collect()
}

/// The response, with each partition's records between the pieces that surround them.
fn send(call: &Call, response: &FetchResponse, slices: Vec<LogSlice>) -> Outcome {
    let frame = response.to_frame(call.header.correlation_id, call.header.api_version);
    let mut slices: Vec<_> = slices.into_iter().map(Some).collect();
    let mut parts = Vec::with_capacity(frame.pieces.len() + slices.len());
    for piece in frame.pieces {
        match piece {
            FetchPiece::Bytes(bytes) => parts.push(Part::Bytes(bytes)),
            FetchPiece::Records(place) => {
                let slice = slices[place].take().unwrap_or_default();
                parts.extend(slice.parts.into_iter().map(|part| match part {
                    LogPart::Memory(memory) => Part::Memory(memory),
                    LogPart::File(range) => Part::File(range),
                }));
            }
        }
    }
    Outcome::Respond(Response { parts })
}
