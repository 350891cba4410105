//! `GetTelemetrySubscriptions` (71) and `PushTelemetry` (72): what a client is to measure (KIP-714),
//! and the measurements, which are checked and dropped. Shell.

use protocol::error_code::ErrorCode;
use protocol::messages::get_telemetry_subscriptions_request::GetTelemetrySubscriptionsRequest;
use protocol::messages::get_telemetry_subscriptions_response::GetTelemetrySubscriptionsResponse;
use protocol::messages::push_telemetry_request::PushTelemetryRequest;
use protocol::messages::push_telemetry_response::PushTelemetryResponse;
use protocol::records::{Compression, decompress};
use protocol::types::Uuid;
use storage::clock;

use crate::api::{Call, CloseReason, Outcome};
use crate::telemetry::instances::Push;
use crate::telemetry::subscriptions::{ClientAttributes, Wanted};

/// The codecs that clients may use, the one that is liked best first, as Kafka has them.
const CODECS: [Compression; 4] = [
    Compression::Zstd,
    Compression::Lz4,
    Compression::Gzip,
    Compression::Snappy,
];
/// What comes out of compressed metrics, as a multiple of `telemetry.max.bytes`.
const DECOMPRESSED_FACTOR: usize = 16;

pub(crate) fn subscriptions(call: &Call) -> Result<Outcome, CloseReason> {
    let request: GetTelemetrySubscriptionsRequest = call.request()?;
    let shard = &call.connection.shard;
    let mut instances = shard.telemetry.instances.borrow_mut();
    let id = match request.client_instance_id {
        Uuid::ZERO => instances.new_id(),
        given => given,
    };
    let wanted = wanted_of(call, id);
    if let Err(code) = instances.ask(id, wanted.interval_ms, clock::now_ms()) {
        return Ok(call.respond(&GetTelemetrySubscriptionsResponse {
            error_code: code.code(),
            ..Default::default()
        }));
    }
    let bytes_max = shard.settings.limits.telemetry_bytes_max;
    Ok(call.respond(&GetTelemetrySubscriptionsResponse {
        client_instance_id: id,
        subscription_id: wanted.subscription_id,
        accepted_compression_types: codec_ids(),
        push_interval_ms: wanted.interval_ms,
        telemetry_max_bytes: i32::try_from(bytes_max).unwrap_or(i32::MAX),
        delta_temporality: true,
        requested_metrics: wanted.metrics,
        ..Default::default()
    }))
}

pub(crate) fn push(call: &Call) -> Result<Outcome, CloseReason> {
    let request: PushTelemetryRequest = call.request()?;
    let shard = &call.connection.shard;
    let push = Push {
        id: request.client_instance_id,
        subscription_id: request.subscription_id,
        terminating: request.terminating,
        compression_type: request.compression_type,
        bytes: request.metrics.len(),
    };
    let wanted = wanted_of(call, push.id);
    let bytes_max = shard.settings.limits.telemetry_bytes_max as usize;
    let mut instances = shard.telemetry.instances.borrow_mut();
    let sent = instances
        .send(push, &wanted, bytes_max, clock::now_ms())
        .and_then(|()| check_payload(&request, bytes_max));
    Ok(call.respond(&PushTelemetryResponse {
        error_code: sent.err().unwrap_or(ErrorCode::None).code(),
        ..Default::default()
    }))
}

/// What is compressed must come out again, within bounds.
fn check_payload(request: &PushTelemetryRequest, bytes_max: usize) -> Result<(), ErrorCode> {
    let codec = Compression::from_id(request.compression_type.into());
    if request.metrics.is_empty() {
        return Ok(());
    }
    let decompressed_max = bytes_max.saturating_mul(DECOMPRESSED_FACTOR);
    match codec {
        None => Err(ErrorCode::UnsupportedCompressionType),
        Some(Compression::None) => Ok(()),
        Some(codec) => decompress(codec, &request.metrics, decompressed_max)
            .map(drop)
            .map_err(|_| ErrorCode::InvalidRecord),
    }
}

fn codec_ids() -> Vec<i8> {
    let ids = CODECS.iter().map(|codec| codec.id());
    ids.filter_map(|id| i8::try_from(id).ok()).collect()
}

fn wanted_of(call: &Call, id: Uuid) -> Wanted {
    let connection = &call.connection;
    let (software, version) = connection.client_software.borrow().clone();
    let client = ClientAttributes([
        id.to_string(),
        call.header.client_id.clone().unwrap_or_default(),
        software,
        version,
        connection.peer.ip().to_string(),
        connection.peer.port().to_string(),
    ]);
    let shard = &connection.shard;
    let subscriptions = shard.telemetry.subscriptions(&shard.image());
    subscriptions.wanted_of(id, &client)
}
