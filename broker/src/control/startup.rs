//! From a data directory to a broker that is registered and an image that says so. Shell.
//! Owns the order: whose directory it is, what the log holds, leadership, the first records of a new
//! cluster, the registration of this start.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use protocol::error_code::ErrorCode;
use protocol::messages::broker_heartbeat_request::BrokerHeartbeatRequest;
use protocol::messages::broker_registration_request::{
    BrokerRegistrationRequest, Feature, Listener,
};
use protocol::types::Uuid;
use raft::{ClusterId, Config, Membership, Node, NodeId, RandomSource, RecoveredState, Snapshot};
use storage::clock;

use crate::control::ControlOptions;
use crate::control::meta_properties::{MetaProperties, MetaPropertiesError};
use crate::control::metadata_log::{self, MetadataLog, MetadataLogError, RecoveredLog};
use crate::control::raft_driver::{DriverError, Publish, RaftDriver, image_of_snapshot};
use crate::controller::brokers::{broker_heartbeat, register_broker};
use crate::controller::features;
use crate::metadata::image::ClusterImage;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error(transparent)]
    MetaProperties(#[from] MetaPropertiesError),
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error("control thread: {0}")]
    Io(#[from] io::Error),
    #[error("control thread cannot use io_uring: {cause}")]
    Executor { cause: String },
    #[error("this broker cannot register itself: {}", .code.name())]
    Registration { code: ErrorCode },
    #[error("control thread died at its start")]
    Died,
}

impl From<MetadataLogError> for ControlError {
    fn from(error: MetadataLogError) -> Self {
        Self::Driver(error.into())
    }
}

/// What is known before the executor runs.
#[derive(Debug)]
pub(crate) struct Prepared {
    options: ControlOptions,
    identity: MetaProperties,
    directory: PathBuf,
    recovered: RecoveredLog,
}

/// Reads what is there, or makes the directory this node's own.
pub(crate) fn prepare(options: ControlOptions) -> Result<Prepared, ControlError> {
    let node_id = options.settings.node_id;
    std::fs::create_dir_all(&options.data_dir)?;
    let identity = match MetaProperties::load(&options.data_dir)? {
        Some(identity) => {
            identity.check(node_id, options.cluster_id.as_deref())?;
            identity
        }
        None => {
            let mut random = random_source();
            let cluster_id = options
                .cluster_id
                .clone()
                .unwrap_or_else(|| random_id(&mut random).to_string());
            let directory_id = random_id(&mut random);
            let identity = MetaProperties {
                cluster_id,
                node_id,
                directory_id,
            };
            identity.store(&options.data_dir)?;
            identity
        }
    };
    let directory = options.data_dir.join(metadata_log::DIRECTORY);
    metadata_log::wait_until_free(&directory).map_err(MetadataLogError::Io)?;
    let recovered = metadata_log::recover(&directory)?;
    if recovered.cut_bytes > 0 {
        tracing::warn!(
            bytes = recovered.cut_bytes,
            "cut an unfinished write off the metadata log"
        );
    }
    Ok(Prepared {
        options,
        identity,
        directory,
        recovered,
    })
}

/// Leads, registers this broker, and publishes the first image.
pub(crate) async fn start(
    prepared: Prepared,
    publish: Publish,
) -> Result<RaftDriver, ControlError> {
    let Prepared {
        options,
        identity,
        directory,
        mut recovered,
    } = prepared;
    let ControlOptions {
        endpoints,
        rack,
        settings,
        snapshot_bytes,
        ..
    } = options;
    let cluster_id: Arc<str> = Arc::from(identity.cluster_id.as_str());
    let id = raft_id(&identity);
    let membership = Membership::new([id], []);
    let (snapshot, base) = match recovered.snapshot.take() {
        None => (
            Snapshot::initial(membership),
            ClusterImage::empty(cluster_id),
        ),
        Some((checkpoint, data)) => {
            let (index, term) = (checkpoint.end_offset, checkpoint.epoch);
            let image = image_of_snapshot(cluster_id, index, term, &data)?;
            (
                Snapshot::new(index, term, Arc::new(membership), data),
                image,
            )
        }
    };
    let state = RecoveredState {
        hard_state: recovered.hard_state,
        snapshot,
        entries: recovered.entries.clone(),
    };
    let mut config = Config::new(id, raft_cluster(&identity));
    config.trailing_entries = 0; // no one else needs them
    let random = Box::new(Seed(random_source()));
    let node = Node::new(config, state, random, clock::monotonic()).map_err(DriverError::from)?;
    let log = MetadataLog::open(&directory, settings.node_id, recovered).await?;
    let mut driver = RaftDriver::new(node, log, settings, snapshot_bytes, base, publish);
    driver.tick().await?;
    if driver.image().features.is_empty() {
        let records = features::bootstrap_records(driver.image(), driver.settings());
        driver.append(&records).await?;
    }
    register(
        &mut driver,
        &identity,
        registration(&identity, endpoints, rack),
    )
    .await?;
    driver.start_publishing();
    Ok(driver)
}

async fn register(
    driver: &mut RaftDriver,
    identity: &MetaProperties,
    request: BrokerRegistrationRequest,
) -> Result<(), ControlError> {
    let next_offset = driver.image().applied.offset + 1;
    let refused = |code: i16| match ErrorCode::from_code(code) {
        Some(ErrorCode::None) => Ok(()),
        code => {
            let code = code.unwrap_or(ErrorCode::UnknownServerError);
            Err(ControlError::Registration { code })
        }
    };
    // A former incarnation in this directory is this node's own, and gone.
    let (records, answer) = register_broker(driver.image(), &request, next_offset, false);
    refused(answer.error_code)?;
    driver.append(&records).await?;
    let heartbeat = BrokerHeartbeatRequest {
        broker_id: identity.node_id,
        broker_epoch: answer.broker_epoch,
        current_metadata_offset: driver.image().applied.offset,
        ..Default::default()
    };
    let (records, answer) = broker_heartbeat(driver.image(), &heartbeat);
    refused(answer.error_code)?;
    driver.append(&records).await?;
    Ok(())
}

fn registration(
    identity: &MetaProperties,
    endpoints: Vec<crate::metadata::image::BrokerEndpoint>,
    rack: Option<String>,
) -> BrokerRegistrationRequest {
    let listener = |endpoint: crate::metadata::image::BrokerEndpoint| Listener {
        name: endpoint.listener,
        host: endpoint.host,
        port: endpoint.port,
        security_protocol: endpoint.security_protocol,
    };
    let feature = |feature: &features::SupportedFeature| Feature {
        name: feature.name.to_owned(),
        min_supported_version: feature.min,
        max_supported_version: feature.max,
    };
    BrokerRegistrationRequest {
        broker_id: identity.node_id,
        cluster_id: identity.cluster_id.clone(),
        incarnation_id: random_id(&mut random_source()),
        listeners: endpoints.into_iter().map(listener).collect(),
        features: features::SUPPORTED.iter().map(feature).collect(),
        rack,
        log_dirs: vec![identity.directory_id],
        ..Default::default()
    }
}

/// One Raft id per directory: a node that lost its disk must not vote as the one it was.
fn raft_id(identity: &MetaProperties) -> NodeId {
    let [high, ..] = halves(identity.directory_id.to_u128());
    NodeId(high)
}

fn halves(value: u128) -> [u64; 2] {
    let bytes = value.to_be_bytes();
    let half = |range: std::ops::Range<usize>| {
        bytes[range]
            .iter()
            .fold(0, |half, byte| (half << 8) | u64::from(*byte))
    };
    [half(0..8), half(8..16)]
}

fn raft_cluster(identity: &MetaProperties) -> ClusterId {
    match identity.cluster_id.parse::<Uuid>() {
        Ok(id) => ClusterId(id.to_u128()),
        // A cluster id is free text for those who choose their own.
        Err(_) => ClusterId(u128::from(
            foldhash::fast::FixedState::default().hash_one(identity.cluster_id.as_bytes()),
        )),
    }
}

/// Numbers no one can guess: a keyed hash, with the system's random key, of a counter.
pub(crate) fn random_source() -> impl FnMut() -> u64 + Send + Clone + 'static {
    let key = RandomState::new();
    let mut counter = 0_u64;
    move || {
        counter += 1;
        key.hash_one(counter)
    }
}

fn random_id(random: &mut impl FnMut() -> u64) -> Uuid {
    loop {
        let bits = (u128::from(random()) << 64) | u128::from(random());
        let id = Uuid::from_u128((bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62));
        if !id.to_string().starts_with('-') {
            return id;
        }
    }
}

struct Seed<F>(F);

impl<F> std::fmt::Debug for Seed<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seed")
    }
}

impl<F: FnMut() -> u64> RandomSource for Seed<F> {
    fn next_u64(&mut self) -> u64 {
        (self.0)()
    }
}
