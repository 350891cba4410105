//! Features: what this release supports, the levels a new cluster starts with, and `UpdateFeatures`.
//! Owns the table and the rules of a change. Pure.

use std::collections::BTreeMap;

use protocol::error_code::ErrorCode;
use protocol::messages::metadata::config_record::ConfigRecord;
use protocol::messages::metadata::feature_level_record::FeatureLevelRecord;
use protocol::messages::update_features_request::{FeatureUpdateKey, UpdateFeaturesRequest};
use protocol::messages::update_features_response::{
    UpdatableFeatureResult, UpdateFeaturesResponse,
};

use crate::controller::configs::MIN_ISR;
use crate::controller::{ControllerSettings, Outcome};
use crate::metadata::image::{ClusterImage, ConfigResource, ResourceType};
use crate::metadata::records::MetadataRecord;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SupportedFeature {
    pub(crate) name: &'static str,
    pub(crate) min: i16,
    pub(crate) max: i16,
    /// The level at which a new cluster finalizes it; 0 leaves it off.
    pub(crate) initial: i16,
}

pub(crate) const ELR: &str = "eligible.leader.replicas.version";
pub(crate) const KRAFT: &str = "kraft.version";
const METADATA: &str = "metadata.version";

/// Levels as of Kafka 4.3; 30 is metadata version 4.3-IV0.
pub(crate) const SUPPORTED: [SupportedFeature; 5] = [
    SupportedFeature {
        name: "group.version",
        min: 0,
        max: 1,
        initial: 1,
    },
    SupportedFeature {
        name: KRAFT,
        min: 0,
        max: 1,
        initial: 0,
    },
    SupportedFeature {
        name: METADATA,
        min: 7,
        max: 30,
        initial: 30,
    },
    SupportedFeature {
        name: "transaction.version",
        min: 0,
        max: 2,
        initial: 2,
    },
    SupportedFeature {
        name: ELR,
        min: 0,
        max: 1,
        initial: 1,
    },
];

const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;
/// Until this version each feature has a result of its own.
const RESULTS_UNTIL_VERSION: i16 = 1;

/// The first records of a new cluster. The metadata version comes first, as later records are
/// written in its versions.
pub(crate) fn bootstrap_records(
    image: &ClusterImage,
    settings: &ControllerSettings,
) -> Vec<MetadataRecord> {
    let mut features: Vec<_> = SUPPORTED
        .iter()
        .filter(|feature| feature.initial > 0)
        .collect();
    features.sort_by_key(|feature| feature.name != METADATA);
    let levels = features
        .into_iter()
        .map(|feature| level_record(feature.name, feature.initial));
    levels.chain(safety_records(image, settings)).collect()
}

fn level_record(name: &str, feature_level: i16) -> MetadataRecord {
    FeatureLevelRecord {
        name: name.to_owned(),
        feature_level,
    }
    .into()
}

/// With eligible leader replicas the minimum of in-sync replicas is the cluster's alone: what it is
/// now becomes a setting of the cluster, and those of single brokers go.
fn safety_records(image: &ClusterImage, settings: &ControllerSettings) -> Vec<MetadataRecord> {
    let record = |resource: &ConfigResource, value: Option<String>| {
        ConfigRecord {
            resource_type: resource.kind.code(),
            resource_name: resource.name.clone(),
            name: MIN_ISR.to_owned(),
            value,
        }
        .into()
    };
    let cluster = ConfigResource::default_broker();
    let mut records = Vec::new();
    if image.configs.value(&cluster, MIN_ISR).is_none() {
        let layers = settings.catalog.layers(image, settings.node_id);
        let value = layers.value_of(MIN_ISR).map(|value| value.text.to_owned());
        records.push(record(&cluster, value));
    }
    let of_brokers = image.configs.iter().filter(|(resource, values)| {
        resource.kind == ResourceType::Broker
            && !resource.name.is_empty()
            && values.contains_key(MIN_ISR)
    });
    records.extend(of_brokers.map(|(resource, _)| record(resource, None)));
    records
}

/// All of the request's changes are made, or none.
pub(crate) fn update_features(
    image: &ClusterImage,
    request: &UpdateFeaturesRequest,
    version: i16,
    settings: &ControllerSettings,
) -> Outcome<UpdateFeaturesResponse> {
    let wanted: BTreeMap<&str, &FeatureUpdateKey> = request
        .feature_updates
        .iter()
        .map(|update| (update.feature.as_str(), update))
        .collect();
    let mut records = Vec::new();
    for update in wanted.values() {
        match update_feature(image, update, settings) {
            Ok(changes) => records.extend(changes),
            Err(text) => {
                let text = format!(
                    "The update failed for all features since the following feature had an error: \
                     {text}"
                );
                let response = UpdateFeaturesResponse {
                    error_code: ErrorCode::InvalidUpdateVersion.code(),
                    error_message: Some(text),
                    ..Default::default()
                };
                return (Vec::new(), response);
            }
        }
    }
    if request.validate_only {
        records.clear();
    }
    let results = wanted.keys().map(|name| UpdatableFeatureResult {
        feature: (*name).to_owned(),
        error_code: ErrorCode::None.code(),
        error_message: Some("NONE".to_owned()),
    });
    let response = UpdateFeaturesResponse {
        error_message: None,
        results: results
            .filter(|_| version <= RESULTS_UNTIL_VERSION)
            .collect(),
        ..Default::default()
    };
    (records, response)
}

fn update_feature(
    image: &ClusterImage,
    update: &FeatureUpdateKey,
    settings: &ControllerSettings,
) -> Result<Vec<MetadataRecord>, String> {
    let (name, wanted) = (update.feature.as_str(), update.max_version_level);
    let now = image.feature(name);
    check_update(update, now, settings.node_id)
        .map_err(|text| format!("Invalid update version {wanted} for feature {name}. {text}"))?;
    if name == METADATA && wanted < now {
        let why = if update.upgrade_type == SAFE_DOWNGRADE {
            "Refusing to perform the requested downgrade because it might delete metadata \
             information."
        } else {
            "Unsafe metadata downgrade is not supported in this version."
        };
        return Err(format!(
            "Unsupported metadata.version downgrade from {now} to {wanted}. {why}"
        ));
    }
    let mut records = Vec::new();
    if wanted != now {
        records.push(level_record(name, wanted));
        if name == ELR && wanted > now {
            records.extend(safety_records(image, settings));
        }
    }
    Ok(records)
}

/// In Kafka's order, as the first that is wrong is told.
fn check_update(update: &FeatureUpdateKey, now: i16, node_id: i32) -> Result<(), String> {
    let (name, wanted) = (update.feature.as_str(), update.max_version_level);
    let refuse = |text: &str| Err(text.to_owned());
    if !matches!(
        update.upgrade_type,
        UPGRADE | SAFE_DOWNGRADE | UNSAFE_DOWNGRADE
    ) {
        return refuse("The controller does not support the given upgrade type.");
    }
    if wanted < 0 {
        return refuse("A feature version cannot be less than 0.");
    }
    match SUPPORTED.iter().find(|feature| feature.name == name) {
        Some(feature) if wanted < feature.min || wanted > feature.max => {
            let (min, max) = (feature.min, feature.max);
            return Err(format!(
                "Local controller {node_id} only supports versions {min}-{max}"
            ));
        }
        Some(_) => {}
        None if wanted == 0 => return Err(format!("Feature {name} not found.")),
        None => {
            return Err(format!(
                "Local controller {node_id} does not support this feature."
            ));
        }
    }
    if wanted < now && update.upgrade_type == UPGRADE {
        return refuse(
            "Can't downgrade the version of this feature without setting the upgrade type to \
             either safe or unsafe downgrade.",
        );
    }
    if wanted > now && update.upgrade_type != UPGRADE {
        return refuse("Can't downgrade to a newer version.");
    }
    if wanted < now && name == KRAFT {
        return refuse("Can't downgrade the version of this feature.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::tests::{apply, cluster, settings};

    fn update(name: &str, level: i16, upgrade_type: i8) -> UpdateFeaturesRequest {
        let update = FeatureUpdateKey {
            feature: name.to_owned(),
            max_version_level: level,
            upgrade_type,
            ..Default::default()
        };
        UpdateFeaturesRequest {
            feature_updates: vec![update],
            ..Default::default()
        }
    }

    fn refused(name: &str, level: i16, upgrade_type: i8) -> String {
        let request = update(name, level, upgrade_type);
        let (records, response) = update_features(&cluster(1), &request, 2, &settings());
        assert!(records.is_empty());
        assert_eq!(response.error_code, ErrorCode::InvalidUpdateVersion.code());
        let text = response.error_message.unwrap();
        let (_, text) = text.split_once("had an error: ").unwrap();
        text.to_owned()
    }

    #[test]
    fn a_level_goes_down_and_up_again() {
        let image = cluster(1);
        let down = update("group.version", 0, SAFE_DOWNGRADE);
        let (records, response) = update_features(&image, &down, 1, &settings());
        assert_eq!((records.len(), response.results.len()), (1, 1));
        let image = apply(&image, &records);
        assert_eq!(image.feature("group.version"), 0);
        let up = update("group.version", 1, UPGRADE);
        let (records, response) = update_features(&image, &up, 2, &settings());
        assert_eq!((records.len(), response.results.len()), (1, 0));
        let same = update("group.version", 1, SAFE_DOWNGRADE);
        let image = apply(&image, &records);
        assert!(update_features(&image, &same, 2, &settings()).0.is_empty());
    }

    #[test]
    fn what_cannot_be_is_refused_in_kafkas_words() {
        let text = refused("group.version", 0, UPGRADE);
        assert!(text.contains("without setting the upgrade type"), "{text}");
        let text = refused("group.version", 9, UPGRADE);
        assert!(
            text.ends_with("Local controller 1 only supports versions 0-1"),
            "{text}"
        );
        assert!(refused("nope", 1, UPGRADE).ends_with("does not support this feature."));
        assert!(refused("nope", 0, SAFE_DOWNGRADE).ends_with("Feature nope not found."));
        assert!(refused("group.version", -1, UPGRADE).ends_with("cannot be less than 0."));
        for kind in [0, 4, -1] {
            assert!(refused("group.version", 1, kind).ends_with("given upgrade type."));
        }
        let text = refused("metadata.version", 29, SAFE_DOWNGRADE);
        assert!(
            text.starts_with("Unsupported metadata.version downgrade from 30 to 29."),
            "{text}"
        );
    }

    #[test]
    fn eligible_leader_replicas_make_the_minimum_the_clusters() {
        let image = cluster(1);
        let of_cluster = ConfigResource::default_broker();
        assert_eq!(image.configs.value(&of_cluster, MIN_ISR), Some("1"));
    }
}
