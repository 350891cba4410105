//! Brokers come and go: registration, and the heartbeats that fence and unfence.
//! Owns the rules of one registration. Pure; who is alive is a parameter.
//! A broker registers fenced and is unfenced by its first heartbeat that has seen the registration.

use std::collections::HashSet;

use protocol::error_code::ErrorCode;
use protocol::messages::broker_heartbeat_request::BrokerHeartbeatRequest;
use protocol::messages::broker_heartbeat_response::BrokerHeartbeatResponse;
use protocol::messages::broker_registration_request::BrokerRegistrationRequest;
use protocol::messages::broker_registration_response::BrokerRegistrationResponse;
use protocol::messages::metadata::broker_registration_change_record::BrokerRegistrationChangeRecord;
use protocol::messages::metadata::register_broker_record::{
    BrokerEndpoint, BrokerFeature, RegisterBrokerRecord,
};

use crate::controller::Outcome;
use crate::metadata::image::ClusterImage;

const UNFENCE: i8 = -1;
const FENCE: i8 = 1;
const ENTER_CONTROLLED_SHUTDOWN: i8 = 1;

/// `next_offset` is the offset of the record that this would append: it becomes the broker's epoch.
/// `in_contact` says whether the registered incarnation of this broker still sends heartbeats.
pub(crate) fn register_broker(
    image: &ClusterImage,
    request: &BrokerRegistrationRequest,
    next_offset: i64,
    in_contact: bool,
) -> Outcome<BrokerRegistrationResponse> {
    if let Err(code) = check_registration(image, request, in_contact) {
        let response = BrokerRegistrationResponse {
            error_code: code.code(),
            broker_epoch: -1,
            ..Default::default()
        };
        return (Vec::new(), response);
    }
    let existing = image.brokers.get(&request.broker_id);
    // The same process asking again, because an answer was lost, keeps its epoch.
    let broker_epoch = match existing {
        Some(broker) if broker.incarnation_id == request.incarnation_id => broker.epoch,
        _ => next_offset,
    };
    let response = BrokerRegistrationResponse {
        broker_epoch,
        ..Default::default()
    };
    (
        vec![registration_record(request, broker_epoch).into()],
        response,
    )
}

fn check_registration(
    image: &ClusterImage,
    request: &BrokerRegistrationRequest,
    in_contact: bool,
) -> Result<(), ErrorCode> {
    if request.cluster_id != *image.cluster_id {
        return Err(ErrorCode::InconsistentClusterId);
    }
    let existing = image.brokers.get(&request.broker_id);
    if let Some(broker) = existing
        && broker.incarnation_id != request.incarnation_id
        && !broker.fenced
        && in_contact
    {
        return Err(ErrorCode::DuplicateBrokerRegistration);
    }
    let mut directories = HashSet::new();
    if request.log_dirs.is_empty() || !request.log_dirs.iter().all(|id| directories.insert(*id)) {
        return Err(ErrorCode::InvalidRegistration);
    }
    let taken = image.brokers.values().any(|broker| {
        broker.id != request.broker_id
            && broker
                .log_dirs
                .iter()
                .any(|directory| directories.contains(directory))
    });
    if taken {
        return Err(ErrorCode::InvalidRegistration);
    }
    let supports = |name: &str, level: i16| {
        let range = request.features.iter().find(|feature| feature.name == name);
        range.is_some_and(|range| {
            (range.min_supported_version..=range.max_supported_version).contains(&level)
        })
    };
    if image
        .features
        .iter()
        .any(|(name, level)| !supports(name, *level))
    {
        return Err(ErrorCode::UnsupportedVersion);
    }
    Ok(())
}

fn registration_record(
    request: &BrokerRegistrationRequest,
    broker_epoch: i64,
) -> RegisterBrokerRecord {
    let end_points = request.listeners.iter().map(|listener| BrokerEndpoint {
        name: listener.name.clone(),
        host: listener.host.clone(),
        port: listener.port,
        security_protocol: listener.security_protocol,
    });
    let features = request.features.iter().map(|feature| BrokerFeature {
        name: feature.name.clone(),
        min_supported_version: feature.min_supported_version,
        max_supported_version: feature.max_supported_version,
    });
    RegisterBrokerRecord {
        broker_id: request.broker_id,
        incarnation_id: request.incarnation_id,
        broker_epoch,
        end_points: end_points.collect(),
        features: features.collect(),
        rack: request.rack.clone(),
        fenced: true,
        log_dirs: request.log_dirs.clone(),
        ..Default::default()
    }
}

pub(crate) fn broker_heartbeat(
    image: &ClusterImage,
    request: &BrokerHeartbeatRequest,
) -> Outcome<BrokerHeartbeatResponse> {
    let refuse = |code: ErrorCode| {
        let response = BrokerHeartbeatResponse {
            error_code: code.code(),
            ..Default::default()
        };
        (Vec::new(), response)
    };
    let Some(broker) = image.brokers.get(&request.broker_id) else {
        return refuse(ErrorCode::BrokerIdNotRegistered);
    };
    if broker.epoch != request.broker_epoch {
        return refuse(ErrorCode::StaleBrokerEpoch);
    }
    let caught_up = request.current_metadata_offset >= broker.epoch;
    let fence = request.want_fence || (broker.fenced && !caught_up);
    let leads = || {
        image
            .topics
            .iter()
            .any(|topic| topic.partitions.iter().any(|p| p.leader == broker.id))
    };
    let mut record = BrokerRegistrationChangeRecord {
        broker_id: broker.id,
        broker_epoch: broker.epoch,
        ..Default::default()
    };
    if fence != broker.fenced {
        record.fenced = if fence { FENCE } else { UNFENCE };
    }
    if request.want_shut_down && !broker.in_controlled_shutdown {
        record.in_controlled_shutdown = ENTER_CONTROLLED_SHUTDOWN;
    }
    let changes = record.fenced != 0 || record.in_controlled_shutdown != 0;
    let response = BrokerHeartbeatResponse {
        is_caught_up: caught_up,
        is_fenced: fence,
        should_shut_down: request.want_shut_down && (image.brokers.len() == 1 || !leads()),
        ..Default::default()
    };
    (
        if changes {
            vec![record.into()]
        } else {
            Vec::new()
        },
        response,
    )
}
