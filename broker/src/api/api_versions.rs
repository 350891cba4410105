//! `ApiVersions` (18), versions 0-4: what this broker serves, and the features of the cluster.
//!
//! The one API whose unknown versions are answered: in the form of version 0, with the error and
//! the range (KIP-511), so that any client can find a common version.

use protocol::api_key::ApiKey;
use protocol::error_code::ErrorCode;
use protocol::messages::api_versions_request::ApiVersionsRequest;
use protocol::messages::api_versions_response::{
    ApiVersion, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};

use crate::api::{Call, CloseReason, Outcome, SERVED};
use crate::metadata::image::ClusterImage;
use crate::net::response::Response;

const CLIENT_SOFTWARE_FROM_VERSION: i16 = 3;
/// A connection remembers no longer names of its client's software.
const SOFTWARE_BYTES_MAX: usize = 128;
/// Older clients take a feature whose lowest level is 0 for a malformed one.
const FEATURES_FROM_ZERO_FROM_VERSION: i16 = 4;

pub(crate) fn answer(call: &Call) -> Result<Outcome, CloseReason> {
    let version = call.header.api_version;
    if !ApiKey::ApiVersions.versions().contains(version) {
        return Ok(unsupported(call));
    }
    let request: ApiVersionsRequest = call.request()?;
    let named = is_software_name(&request.client_software_name)
        && is_software_name(&request.client_software_version);
    if version >= CLIENT_SOFTWARE_FROM_VERSION && !named {
        let error_code = ErrorCode::InvalidRequest.into();
        return Ok(call.respond(&ApiVersionsResponse {
            error_code,
            ..Default::default()
        }));
    }
    let told = [
        request.client_software_name,
        request.client_software_version,
    ];
    if told.iter().all(|text| text.len() <= SOFTWARE_BYTES_MAX) {
        let [name, version] = told;
        *call.connection.client_software.borrow_mut() = (name, version);
    }
    let image = call.connection.shard.image();
    Ok(call.respond(&served(&image, version)))
}

fn served(image: &ClusterImage, version: i16) -> ApiVersionsResponse {
    ApiVersionsResponse {
        api_keys: SERVED.iter().map(|key| api_version(*key)).collect(),
        supported_features: supported(image, version),
        finalized_features_epoch: image.applied.offset,
        finalized_features: finalized(image),
        ..Default::default()
    }
}

fn api_version(key: ApiKey) -> ApiVersion {
    let versions = key.advertised_versions();
    ApiVersion {
        api_key: key.code(),
        min_version: versions.min,
        max_version: versions.max,
    }
}

fn supported(image: &ClusterImage, version: i16) -> Vec<SupportedFeatureKey> {
    let from_zero = version >= FEATURES_FROM_ZERO_FROM_VERSION;
    let features = image
        .brokers
        .values()
        .next()
        .map_or(&[][..], |broker| &broker.features);
    let visible = features
        .iter()
        .filter(|feature| from_zero || feature.min > 0);
    visible
        .map(|feature| SupportedFeatureKey {
            name: feature.name.clone(),
            min_version: feature.min,
            max_version: feature.max,
        })
        .collect()
}

fn finalized(image: &ClusterImage) -> Vec<FinalizedFeatureKey> {
    let set = image.features.iter().filter(|(_, level)| **level > 0);
    set.map(|(name, level)| FinalizedFeatureKey {
        name: name.to_string(),
        max_version_level: *level,
        min_version_level: *level,
    })
    .collect()
}

fn unsupported(call: &Call) -> Outcome {
    let response = ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion.into(),
        api_keys: vec![api_version(ApiKey::ApiVersions)],
        ..Default::default()
    };
    let mut header = call.header.clone();
    header.api_version = 0;
    Outcome::Respond(Response::of(ApiKey::ApiVersions, &header, &response))
}

/// KIP-511: letters, digits, dots and hyphens, with a letter or digit at both ends.
fn is_software_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let ends = [name.bytes().next(), name.bytes().next_back()];
    ends.iter()
        .all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
        && name.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_follow_kip_511() {
        for good in ["a", "apache-kafka-java", "4.3.0", "x-1.b"] {
            assert!(is_software_name(good), "{good}");
        }
        for bad in ["", "-a", "a.", "a b", "a\n", "\u{e9}a", "a_b"] {
            assert!(!is_software_name(bad), "{bad}");
        }
    }
}
