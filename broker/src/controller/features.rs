//! Features: what this release supports, and the levels a new cluster starts with.
//! Owns the table. Pure.

use protocol::messages::metadata::feature_level_record::FeatureLevelRecord;

use crate::metadata::records::MetadataRecord;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SupportedFeature {
    pub(crate) name: &'static str,
    pub(crate) min: i16,
    pub(crate) max: i16,
    /// The level at which a new cluster finalizes it; 0 leaves it off.
    pub(crate) initial: i16,
}

/// Levels as of Kafka 4.3; 30 is metadata version 4.3-IV0.
pub(crate) const SUPPORTED: [SupportedFeature; 4] = [
    SupportedFeature {
        name: "group.version",
        min: 0,
        max: 1,
        initial: 1,
    },
    SupportedFeature {
        name: "kraft.version",
        min: 0,
        max: 1,
        initial: 0,
    },
    SupportedFeature {
        name: "metadata.version",
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
];

/// The first records of a new cluster. The metadata version comes first, as later records are
/// written in its versions.
pub(crate) fn bootstrap_records() -> Vec<MetadataRecord> {
    let mut features: Vec<_> = SUPPORTED
        .iter()
        .filter(|feature| feature.initial > 0)
        .collect();
    features.sort_by_key(|feature| feature.name != "metadata.version");
    let record = |feature: &SupportedFeature| FeatureLevelRecord {
        name: feature.name.to_owned(),
        feature_level: feature.initial,
    };
    features
        .into_iter()
        .map(|feature| record(feature).into())
        .collect()
}
