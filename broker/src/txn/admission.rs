//! Lets a producer's transaction into partitions. Shell.
//!
//! Records of a transaction enter a partition where it is open already. Elsewhere the coordinator
//! is asked first: it adds the partition (KIP-890, version 2), or says whether the producer has
//! added it (version 1). What it said counts only if no marker has come to the partition since,
//! else a transaction would begin after its own end.

use std::rc::Rc;

use protocol::error_code::ErrorCode;

use super::coordinator;
use super::partitions::PartitionsRequest;
use super::transaction::{ProducerIdentity, Topics, TransactionVersion};
use crate::partition::table::PartitionId;
use crate::partition::{Admission, Standing};
use crate::shard::Shard;
use crate::shard::owners::ask_owners;

/// The versions of `Produce` and `TxnOffsetCommit` from which on a client knows
/// `TRANSACTION_ABORTABLE`, and leaves adding to us.
const ABORTABLE_FROM_PRODUCE: i16 = 11;
const ADDS_FROM_PRODUCE: i16 = 12;
const ABORTABLE_FROM_OFFSET_COMMIT: i16 = 4;
const ADDS_FROM_OFFSET_COMMIT: i16 = 5;

/// A partition that a transaction wants to write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entrance {
    pub(crate) id: PartitionId,
    pub(crate) topic: Rc<str>,
    pub(crate) producer: ProducerIdentity,
}

/// What the client can do, as the version of its request tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// It adds its partitions itself, and does not know `TRANSACTION_ABORTABLE`.
    Oldest,
    /// It adds its partitions itself.
    Classic,
    /// Its partitions are added by its writes.
    AddsByWriting,
}

impl Client {
    pub(crate) fn of_produce(version: i16) -> Self {
        match version {
            ..ABORTABLE_FROM_PRODUCE => Self::Oldest,
            ABORTABLE_FROM_PRODUCE..ADDS_FROM_PRODUCE => Self::Classic,
            _ => Self::AddsByWriting,
        }
    }

    pub(crate) fn of_offset_commit(version: i16) -> Self {
        match version {
            ..ABORTABLE_FROM_OFFSET_COMMIT => Self::Oldest,
            ABORTABLE_FROM_OFFSET_COMMIT..ADDS_FROM_OFFSET_COMMIT => Self::Classic,
            _ => Self::AddsByWriting,
        }
    }
}

/// Asks for all entrances, which are of one transaction; the admissions come in the same order.
pub(crate) async fn admit(
    shard: &Rc<Shard>,
    transactional_id: &str,
    entrances: Vec<Entrance>,
    client: Client,
) -> Vec<Result<Admission, ErrorCode>> {
    let verifies = shard.settings_now.borrow().transactions.verifies_partitions;
    if client != Client::AddsByWriting && !verifies {
        return vec![Ok(Admission::Unchecked); entrances.len()];
    }
    if has_several_producers(&entrances) {
        return vec![Err(ErrorCode::InvalidProducerIdMapping); entrances.len()];
    }
    let questions = entrances
        .iter()
        .map(|entrance| (entrance.id, entrance.producer));
    let standings = ask_owners(shard, questions.collect(), standing).await;
    let mut request = None;
    for (entrance, standing) in entrances.iter().zip(&standings) {
        if let Ok(Standing::Closed(_)) = standing {
            let request = request.get_or_insert_with(|| PartitionsRequest {
                transactional_id: transactional_id.to_owned(),
                producer: entrance.producer,
                topics: Topics::new(),
                version: version_of(client),
            });
            let partitions = request
                .topics
                .entry(entrance.topic.to_string())
                .or_default();
            partitions.insert(entrance.id.1);
        }
    }
    let asked = match request {
        Some(request) => ask_coordinator(shard, request, client).await,
        None => Ok(Topics::new()),
    };
    let admitted = entrances.iter().zip(standings).map(|(entrance, standing)| {
        let last_marker = match standing? {
            Standing::Open => return Ok(Admission::Open),
            Standing::Closed(last_marker) => last_marker,
        };
        let refused = asked
            .as_ref()
            .map_err(|error| in_a_produce(*error, client))?;
        let refused = refused.get(entrance.topic.as_ref());
        if refused.is_some_and(|refused| refused.contains(&entrance.id.1)) {
            return Err(in_a_produce(ErrorCode::TransactionAbortable, client));
        }
        Ok(match client {
            Client::AddsByWriting => Admission::Added(last_marker),
            Client::Oldest | Client::Classic => Admission::Verified(last_marker),
        })
    });
    admitted.collect()
}

/// A request writes for one producer.
fn has_several_producers(entrances: &[Entrance]) -> bool {
    entrances
        .windows(2)
        .any(|pair| pair[0].producer != pair[1].producer)
}

/// Runs on the owner.
async fn standing(
    shard: Rc<Shard>,
    id: PartitionId,
    producer: ProducerIdentity,
) -> Result<Standing, ErrorCode> {
    let partition = shard.partition(id).await?;
    Ok(partition.standing(producer.id, producer.epoch))
}

/// The partitions that stay closed.
async fn ask_coordinator(
    shard: &Rc<Shard>,
    request: PartitionsRequest,
    client: Client,
) -> Result<Topics, ErrorCode> {
    match client {
        Client::AddsByWriting => {
            let added = coordinator::add_partitions(shard, request).await;
            added.map(|()| Topics::new())
        }
        Client::Oldest | Client::Classic => coordinator::missing_partitions(shard, request).await,
    }
}

fn version_of(client: Client) -> TransactionVersion {
    match client {
        Client::Oldest | Client::Classic => TransactionVersion::Classic,
        Client::AddsByWriting => TransactionVersion::EpochBump,
    }
}

/// The coordinator's error as a producer is told of it: older clients take some for fatal that
/// only mean that it is too early.
fn in_a_produce(error: ErrorCode, client: Client) -> ErrorCode {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others are told as they are"
    )]
    match error {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if client == Client::Oldest => ErrorCode::InvalidTxnState,
        ErrorCode::ConcurrentTransactions if client == Client::AddsByWriting => error,
        ErrorCode::ConcurrentTransactions
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator => ErrorCode::NotEnoughReplicas,
        _ => error,
    }
}
