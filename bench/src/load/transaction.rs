//! A transactional producer: so many records, then their end, one transaction after another.
//! Shell. Speaks both protocols: in the newer one the broker adds partitions by itself and every
//! transaction has an epoch of its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic,
};
use protocol::messages::end_txn_request::EndTxnRequest;
use storage::tasks;

use super::here::Here;
use super::producer::Producer;
use crate::client::connection::{Connection, ConnectionError};
use crate::client::coordinator::{self, Coordinated, CoordinatorError, ProducerId};
use crate::client::refusal::Refusal;
use crate::measure::now;

/// The newest versions of the older protocol; newer requests mean the newer one.
const OLDER_ADD: i16 = 3;
const OLDER_END: i16 = 4;
const OLDER_PRODUCE: i16 = 11;
/// The level of the cluster's feature from which the newer protocol is spoken.
const FEATURE: &str = "transaction.version";
const NEWER_LEVEL: i16 = 2;
/// The last transaction may not be over everywhere yet.
const PAUSE_NANOS: u64 = 2_000_000;

#[derive(Debug, thiserror::Error)]
pub(crate) enum TransactionError {
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("{doing}: {refusal}")]
    Refused {
        doing: &'static str,
        refusal: Refusal,
    },
}

#[derive(Debug)]
pub(crate) struct Transactions {
    coordinator: RefCell<Option<Connection>>,
    id: String,
    identity: Cell<ProducerId>,
    is_newer: bool,
}

impl Transactions {
    /// Finds the coordinator and gets an identity; what an earlier producer left is aborted.
    pub(crate) async fn begin(here: &Here, id: String) -> Result<Self, TransactionError> {
        let bootstrap = &here.setup.bootstrap;
        let ring = &here.ring;
        let connected = coordinator::connect(ring, bootstrap, Coordinated::Transaction, &id).await;
        let mut coordinator = connected?;
        let identity = coordinator::producer_id(&mut coordinator, Some(&id)).await?;
        let features = &coordinator.versions().features;
        let is_newer = features
            .get(FEATURE)
            .is_some_and(|level| *level >= NEWER_LEVEL);
        Ok(Self {
            coordinator: RefCell::new(Some(coordinator)),
            id,
            identity: identity.into(),
            is_newer,
        })
    }

    pub(crate) fn identity(&self) -> ProducerId {
        self.identity.get()
    }

    pub(crate) fn produce_version(&self, newest: i16) -> i16 {
        if self.is_newer {
            newest
        } else {
            newest.min(OLDER_PRODUCE)
        }
    }

    /// Says which partitions the transaction writes to; the newer protocol does without.
    async fn add(
        &self,
        coordinator: &mut Connection,
        topic: &str,
        partitions: Vec<i32>,
    ) -> Result<(), TransactionError> {
        if self.is_newer {
            return Ok(());
        }
        let identity = self.identity.get();
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.id.clone(),
            v3_and_below_producer_id: identity.id,
            v3_and_below_producer_epoch: identity.epoch,
            v3_and_below_topics: vec![AddPartitionsToTxnTopic {
                name: topic.to_owned(),
                partitions,
            }],
            ..AddPartitionsToTxnRequest::default()
        };
        loop {
            let response = coordinator.call_up_to(&request, OLDER_ADD).await?;
            let topics = response.results_by_topic_v3_and_below.iter();
            let mut codes = topics
                .flat_map(|topic| &topic.results_by_partition)
                .map(|partition| partition.partition_error_code);
            let refused = codes.find_map(|code| Refusal::check(code).err());
            match refused {
                None => return Ok(()),
                Some(refusal) if refusal.is_retriable() => pause().await,
                Some(refusal) => {
                    let doing = "adding partitions to a transaction";
                    return Err(TransactionError::Refused { doing, refusal });
                }
            }
        }
    }

    /// Ends the transaction; who the producer is in the next one.
    async fn end(
        &self,
        coordinator: &mut Connection,
        committed: bool,
    ) -> Result<(), TransactionError> {
        let identity = self.identity.get();
        let request = EndTxnRequest {
            transactional_id: self.id.clone(),
            producer_id: identity.id,
            producer_epoch: identity.epoch,
            committed,
        };
        let newest = if self.is_newer { i16::MAX } else { OLDER_END };
        loop {
            let response = coordinator.call_up_to(&request, newest).await?;
            match Refusal::check(response.error_code) {
                Ok(()) => {
                    if self.is_newer && response.producer_id >= 0 {
                        self.identity.set(ProducerId {
                            id: response.producer_id,
                            epoch: response.producer_epoch,
                        });
                    }
                    return Ok(());
                }
                Err(refusal) if refusal.is_retriable() => pause().await,
                Err(refusal) => {
                    let doing = "ending a transaction";
                    return Err(TransactionError::Refused { doing, refusal });
                }
            }
        }
    }
}

async fn pause() {
    tasks::sleep_until(Duration::from_nanos(now() + PAUSE_NANOS)).await;
}

/// Runs transactions until the producer is done.
pub(crate) async fn run(own: &Producer) -> Result<(), TransactionError> {
    let Some(transactions) = &own.transactions else {
        return Ok(());
    };
    let Some(mut coordinator) = transactions.coordinator.take() else {
        return Ok(());
    };
    let workload = &own.here.setup.workload;
    let mut random = fastrand::Rng::with_seed(workload.seed ^ u64::from(own.plan.number));
    while !own.is_done() && !own.is_out_of_time(now()) {
        let began = now();
        own.accumulator.borrow_mut().held = true;
        let mut lanes = BTreeSet::new();
        for _ in 0..workload.transaction_records {
            if own.is_done() {
                break;
            }
            lanes.insert(own.make(began, now()));
        }
        own.accumulator.borrow_mut().next_lane();
        let partition = |lane: usize| own.accumulator.borrow().lanes[lane].partition;
        let partitions = lanes.into_iter().map(partition).collect();
        let topic = &own.here.setup.topics[own.plan.topic].name;
        transactions
            .add(&mut coordinator, topic, partitions)
            .await?;
        own.accumulator.borrow_mut().held = false;
        own.set_flushing(true);
        while !own.is_empty() {
            if own.has_failed() {
                return Ok(());
            }
            own.room.wait().await;
        }
        own.set_flushing(false);
        let committed = random.f64() >= workload.abort_ratio;
        transactions.end(&mut coordinator, committed).await?;
        settle(own, committed, began);
        if transactions.is_newer {
            let identity = Some(transactions.identity());
            own.accumulator.borrow_mut().identify(identity);
        }
    }
    Ok(())
}

fn settle(own: &Producer, committed: bool, began: u64) {
    let now = now();
    for (lane, batch) in own.stored.take() {
        if committed {
            own.confirmed(lane, &batch, now);
        } else {
            own.aborted(lane, &batch, now);
        }
    }
    own.here.count(now, |counts| counts.transactions += 1);
    own.here
        .record(began, |series| series.transaction.record(now - began));
}
