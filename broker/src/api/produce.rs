//! `Produce` (0), versions 3-13 (advertised from 0, KAFKA-18659): append record batches.
//!
//! Third step of the produce walk. The batches are checked where the connection lives, then sent
//! to their owners, one hop for each owning shard, and appended there in the order in which the
//! connection's requests came. Only then is the next request read; the acknowledgement follows
//! when all of it is durable, whatever `acks` says. `acks=0` is never answered: a failure closes.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::produce::{ProduceOutcome, ProducePartition, ProduceRequest};
use protocol::records::{
    BatchError, BatchHeader, ProduceRules, ValidBatch, recompress, validate_produced,
};
use storage::clock;
use storage::log::Appended;

use crate::api::{Answer, Call, CloseReason, Outcome};
use crate::config::topic::TopicConfig;
use crate::net::response::Response;
use crate::partition::config::{produce_rules, stored_codec};
use crate::partition::table::PartitionId;
use crate::partition::{Admission, InLog, wait_until_durable};
use crate::shard::{Shard, append_order};
use crate::txn::admission::{self, Client, Entrance};
use crate::txn::transaction::ProducerIdentity;

const ACKS_NONE: i16 = 0;
const ACKS_LEADER: i16 = 1;
const ACKS_ALL: i16 = -1;
/// The one client that may write to internal topics: Kafka's own tools.
const ADMIN_CLIENT_ID: &str = "__admin_client";
/// Single records that one answer blames; each batch's message still says what is wrong with it. A
/// batch of a few bytes can claim a thousand bad records, and a request has room for many batches.
const FAULTS_MAX: usize = 2048;

/// One checked batch on its way to its owner.
struct Append {
    /// Place of the partition in the request.
    place: usize,
    id: PartitionId,
    records: Bytes,
    batch: ValidBatch,
    admission: Admission,
}

/// What became of the batches of one owner, by place in the request.
type Appends = Vec<(usize, Result<Appended, ErrorCode>)>;

/// Appends what the request brings; the answer to come is its acknowledgement.
pub(crate) async fn answer(call: Call) -> Result<Answer, CloseReason> {
    let version = call.header.api_version;
    let request = ProduceRequest::parse(call.body.clone(), version);
    let request = request.map_err(|error| call.malformed(error))?;
    let shard = Rc::clone(&call.connection.shard);
    let mut outcomes = Vec::with_capacity(request.partitions.len());
    let mut faults_left = FAULTS_MAX;
    let mut appends = Vec::with_capacity(request.partitions.len());
    for (place, partition) in request.partitions.iter().enumerate() {
        // replaced when the owner has answered
        outcomes.push(ProduceOutcome::failed(ErrorCode::UnknownServerError, None));
        match check(&call, &request, partition, place) {
            Ok(append) => match shard.ensure_open(append.id).await {
                Ok(()) => appends.push(append),
                Err(code) => outcomes[place] = ProduceOutcome::failed(code, None),
            },
            Err(refused) => {
                let mut outcome = refused.outcome();
                if outcome.record_errors.len() > faults_left {
                    outcome.record_errors = Vec::new();
                }
                faults_left -= outcome.record_errors.len();
                outcomes[place] = outcome;
            }
        }
    }
    let mut appends = admit_transactions(&call, &request, appends, &mut outcomes).await;
    // stable: those of one partition stay in the order of the request
    appends.sort_by_key(|append| shard.owner_of(append.id));
    let mut pending: Vec<Pin<Box<dyn Future<Output = Appends>>>> = Vec::with_capacity(1);
    while let Some(first) = appends.first() {
        let owner = shard.owner_of(first.id);
        let of_owner = appends.partition_point(|append| shard.owner_of(append.id) == owner);
        let of_others = appends.split_off(of_owner);
        let appends = std::mem::replace(&mut appends, of_others);
        if owner == shard.index {
            pending.push(append_all(&shard, appends));
        } else {
            let call = move |owner: Rc<Shard>| append_all(&owner, appends);
            pending.push(Box::pin(shard.mailbox.send(owner, call).await));
        }
    }
    let acknowledged = async move {
        for appends in pending {
            for (place, appended) in appends.await {
                outcomes[place] = outcome(appended);
            }
        }
        finish(&call, &request, &outcomes)
    };
    Ok(Answer::Pending {
        outcome: Box::pin(acknowledged),
        held_bytes: 0,
    })
}

/// A partition of the request, resolved and with its batch checked.
fn check(
    call: &Call,
    request: &ProduceRequest,
    partition: &ProducePartition,
    place: usize,
) -> Result<Append, BatchRefused> {
    let shard = &call.connection.shard;
    let records = request.records(partition).unwrap_or_default();
    if !shard.has_space_for(records.len()) {
        return Err(ErrorCode::KafkaStorageError.into());
    }
    let image = shard.image();
    let topic = image.resolve(request.topic_of(partition))?;
    if topic.internal && call.header.client_id.as_deref() != Some(ADMIN_CLIENT_ID) {
        return Err(ErrorCode::InvalidTopicException.into());
    }
    let config = shard.topic_config(&image, topic);
    let Some(placed) = topic.partition(partition.index) else {
        return Err(ErrorCode::UnknownTopicOrPartition.into());
    };
    if !matches!(request.acks, ACKS_NONE | ACKS_LEADER | ACKS_ALL) {
        return Err(ErrorCode::InvalidRequiredAcks.into());
    }
    let isr_min = placed
        .replicas
        .len()
        .min(config.min_insync_replicas as usize);
    if request.acks == ACKS_ALL && placed.isr.len() < isr_min {
        return Err(ErrorCode::NotEnoughReplicas.into());
    }
    let rules = ProduceRules {
        now_ms: clock::now_ms(),
        produce_version: call.header.api_version,
        ..produce_rules(&config, &shard.settings)
    };
    let batch = validate_produced(&records, &rules)?;
    let (records, batch) = as_stored(records, batch, &config, &rules)?;
    if records.len() > config.segment_bytes as usize {
        return Err(ErrorCode::RecordListTooLarge.into());
    }
    Ok(Append {
        place,
        id: (topic.id, partition.index),
        records,
        batch,
        admission: Admission::Unchecked,
    })
}

/// Lets the batches of a transaction into their partitions; those that may not enter get their
/// outcome. Batches of no transaction pass.
async fn admit_transactions(
    call: &Call,
    request: &ProduceRequest,
    appends: Vec<Append>,
    outcomes: &mut [ProduceOutcome],
) -> Vec<Append> {
    let is_transactional = |append: &Append| append.batch.header.is_transactional();
    if !appends.iter().any(is_transactional) {
        return appends; // nearly every request: nothing is moved
    }
    let (transactional, mut admitted): (Vec<_>, Vec<_>) =
        appends.into_iter().partition(is_transactional);
    let entrances = transactional.iter().map(|append| Entrance {
        id: append.id,
        topic: topic_name(call, append.id),
        producer: producer_of(append),
    });
    let admissions = match &request.transactional_id {
        Some(id) => {
            let client = Client::of_produce(call.header.api_version);
            let shard = &call.connection.shard;
            admission::admit(shard, id, entrances.collect(), client).await
        }
        None => vec![Err(ErrorCode::TransactionalIdAuthorizationFailed); transactional.len()],
    };
    for (append, admission) in transactional.into_iter().zip(admissions) {
        match admission {
            Ok(admission) => admitted.push(Append {
                admission,
                ..append
            }),
            Err(error) => outcomes[append.place] = ProduceOutcome::failed(error, None),
        }
    }
    admitted
}

fn producer_of(append: &Append) -> ProducerIdentity {
    ProducerIdentity {
        id: append.batch.header.producer_id,
        epoch: append.batch.header.producer_epoch,
    }
}

fn topic_name(call: &Call, (topic_id, _): PartitionId) -> Rc<str> {
    let image = call.connection.shard.image();
    let topic = image.topic_by_id(topic_id);
    topic.map_or_else(|| "".into(), |topic| topic.name.as_ref().into())
}

/// The batch in the codec that its topic wants; nearly always the one that it came in.
fn as_stored(
    records: Bytes,
    batch: ValidBatch,
    config: &TopicConfig,
    rules: &ProduceRules,
) -> Result<(Bytes, ValidBatch), BatchError> {
    let Some(codec) = stored_codec(config) else {
        return Ok((records, batch));
    };
    if batch.header.compression()? == codec {
        return Ok((records, batch));
    }
    let (level, bytes_max) = (config.compression_level, rules.decompressed_bytes_max);
    let records = recompress(&records, &batch.header, codec, level, bytes_max)?;
    let (bytes, bytes_max) = (records.len(), rules.max_message_bytes);
    if bytes > bytes_max {
        return Err(BatchError::TooLarge { bytes, bytes_max });
    }
    let header = BatchHeader::parse(&records)?;
    let rewrite = batch.rewrite;
    Ok((records.into(), ValidBatch { header, rewrite }))
}

/// Runs on the owner. Appends in the order in which this is called, at once unless the journal is
/// full; the future is done when everything that was appended is durable.
fn append_all(shard: &Rc<Shard>, appends: Vec<Append>) -> Pin<Box<dyn Future<Output = Appends>>> {
    let bytes = appends.iter().map(|append| append.records.len()).sum();
    append_order::enter(shard, bytes, move |shard| {
        let now_ms = clock::now_ms();
        let appended = appends
            .into_iter()
            .map(|append| (append.place, append.run(shard, now_ms)));
        wait_until_durable(appended.collect())
    })
}

impl Append {
    fn run(self, shard: &Shard, now_ms: i64) -> InLog {
        // it was found open; if it is gone, its topic was deleted since
        let partition = shard
            .partitions
            .get(self.id)
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let producer = producer_of(&self);
        partition.check_admission(producer.id, producer.epoch, self.admission)?;
        let is_added = matches!(self.admission, Admission::Added(_));
        let is_first = is_added && partition.log().producer(producer.id).is_none();
        if is_first && self.batch.header.base_sequence != 0 {
            // older clients may have been forgotten; of these nothing was ever written
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        let appended = partition.append(&self.records, &self.batch, now_ms)?;
        Ok((partition, appended))
    }
}

/// Why a batch was not even sent to its owner.
#[derive(Debug)]
enum BatchRefused {
    Code(ErrorCode),
    Batch(BatchError),
}

impl From<ErrorCode> for BatchRefused {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<BatchError> for BatchRefused {
    fn from(error: BatchError) -> Self {
        Self::Batch(error)
    }
}

impl BatchRefused {
    fn outcome(&self) -> ProduceOutcome {
        match self {
            Self::Code(code) => ProduceOutcome::failed(*code, None),
            Self::Batch(error) => ProduceOutcome::refused(error),
        }
    }
}

fn outcome(appended: Result<Appended, ErrorCode>) -> ProduceOutcome {
    match appended {
        Ok(Appended {
            base_offset,
            log_append_time_ms,
            log_start_offset,
            ..
        }) => ProduceOutcome::appended(base_offset, log_append_time_ms, log_start_offset),
        Err(code) => ProduceOutcome::failed(code, None),
    }
}

fn finish(call: &Call, request: &ProduceRequest, outcomes: &[ProduceOutcome]) -> Outcome {
    if request.acks == ACKS_NONE {
        let failed = outcomes
            .iter()
            .any(|outcome| outcome.error_code != ErrorCode::None);
        return if failed {
            Outcome::Close(CloseReason::UnansweredProduceFailed)
        } else {
            Outcome::Silence
        };
    }
    let version = call.header.api_version;
    Outcome::Respond(Response::written(call.key, &call.header, |writer| {
        request.write_response(writer, version, outcomes, &[], 0);
    }))
}
