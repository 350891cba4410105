//! Connections that do nothing but say now and then that they are there. Shell.

use std::rc::Rc;
use std::time::Duration;

use protocol::messages::api_versions_request::ApiVersionsRequest;
use storage::tasks;

use super::here::Here;
use crate::client::cluster::{self, ClusterError};
use crate::client::connection::{Connection, ConnectionError};

/// As often as members of groups send heartbeats.
const INTERVAL: Duration = Duration::from_secs(3);
/// Connections that are opened at a time: the queue of new ones may be short.
const OPENING_MAX: u32 = 64;
const LOOK: Duration = Duration::from_millis(100);

/// Opens so many connections.
pub(crate) async fn open(here: &Here, count: u32) -> Result<Vec<Connection>, ClusterError> {
    let mut connections = Vec::new();
    if count == 0 {
        return Ok(connections);
    }
    let address = cluster::bootstrap(&here.ring, &here.setup.bootstrap)
        .await?
        .address();
    let mut left = count;
    while left > 0 {
        let wave = left.min(OPENING_MAX);
        let opening = (0..wave).map(|_| tasks::spawn(Connection::open(here.ring.clone(), address)));
        for opened in opening.collect::<Vec<_>>() {
            connections.push(opened.await?);
        }
        left -= wave;
    }
    Ok(connections)
}

/// Keeps a connection until the run is over.
pub(crate) async fn keep(here: Rc<Here>, mut connection: Connection, number: usize) {
    let request = ApiVersionsRequest {
        client_software_name: "idle".to_owned(),
        client_software_version: "1".to_owned(),
    };
    let part = u32::try_from(number % 60).unwrap_or(0);
    let mut wait = INTERVAL / 60 * part;
    loop {
        let mut waited = Duration::ZERO;
        while waited < wait {
            if here.consumers_stop() {
                return connection.outlet.close();
            }
            tasks::sleep(LOOK).await;
            waited += LOOK;
        }
        wait = INTERVAL;
        let answered: Result<_, ConnectionError> = connection.call(&request).await;
        if let Err(error) = answered {
            return here.fail(&format!("an idle connection: {error}"));
        }
    }
}
