//! The brokers that coordinate groups and transactions: finds them, and asks for producer ids.
//! Shell. A coordinator that is only just loading is waited for.

use std::net::SocketAddr;
use std::time::Duration;

use protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use protocol::messages::init_producer_id_request::InitProducerIdRequest;
use storage::ring::Ring;
use storage::{clock, tasks};

use super::cluster::{self, ClusterError};
use super::connection::{Connection, ConnectionError};
use super::refusal::Refusal;

/// How long a coordinator is waited for, and how often it is asked.
const READY_LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
const TRANSACTION_LIMIT_MS: i32 = 60_000;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CoordinatorError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("{0} has no coordinator: {1}")]
    None(String, Refusal),
    #[error("no producer id: {0}")]
    NoProducerId(Refusal),
}

/// What is coordinated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Coordinated {
    Group,
    Transaction,
}

/// Who a producer is to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerId {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// Finds the coordinator of a group or a transactional id and connects to it.
pub(crate) async fn connect(
    ring: &Ring,
    bootstrap: &str,
    what: Coordinated,
    name: &str,
) -> Result<Connection, CoordinatorError> {
    let mut any = cluster::bootstrap(ring, bootstrap).await?;
    let began = clock::monotonic();
    loop {
        let found = find(&mut any, what, name).await;
        let over = clock::monotonic().saturating_sub(began) > READY_LIMIT;
        match found {
            Err(CoordinatorError::None(_, refusal)) if refusal.is_retriable() && !over => {
                tasks::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
            Ok(address) => return Ok(Connection::open(ring.clone(), address).await?),
        }
    }
}

async fn find(
    any: &mut Connection,
    what: Coordinated,
    name: &str,
) -> Result<SocketAddr, CoordinatorError> {
    let request = FindCoordinatorRequest {
        key: name.to_owned(),
        key_type: match what {
            Coordinated::Group => 0,
            Coordinated::Transaction => 1,
        },
        coordinator_keys: vec![name.to_owned()],
    };
    let response = any.call(&request).await?;
    let (code, host, port) = match response.coordinators.first() {
        Some(found) => (found.error_code, &found.host, found.port),
        None => (response.error_code, &response.host, response.port),
    };
    Refusal::check(code).map_err(|refusal| CoordinatorError::None(name.to_owned(), refusal))?;
    Ok(cluster::resolve(&format!("{host}:{port}"))?)
}

/// Asks for a producer id, or for the next epoch of a transactional id's.
pub(crate) async fn producer_id(
    connection: &mut Connection,
    transactional_id: Option<&str>,
) -> Result<ProducerId, CoordinatorError> {
    let request = InitProducerIdRequest {
        transactional_id: transactional_id.map(str::to_owned),
        transaction_timeout_ms: TRANSACTION_LIMIT_MS,
        ..InitProducerIdRequest::default()
    };
    let began = clock::monotonic();
    loop {
        let response = connection.call(&request).await?;
        let over = clock::monotonic().saturating_sub(began) > READY_LIMIT;
        match Refusal::check(response.error_code) {
            Ok(()) => {
                return Ok(ProducerId {
                    id: response.producer_id,
                    epoch: response.producer_epoch,
                });
            }
            Err(refusal) if refusal.is_retriable() && !over => tasks::sleep(PAUSE).await,
            Err(refusal) => return Err(CoordinatorError::NoProducerId(refusal)),
        }
    }
}
