//! Settings of single groups: within the bounds that the broker's settings give. Pure.

use protocol::error_code::ErrorCode;

use crate::config::layers::Layers;
use crate::controller::Refusal;
use crate::metadata::config_catalog::ConfigCatalog;
use crate::metadata::image::{ConfigMap, ResourceType};

/// A group's setting, and the broker's settings that bound it.
struct Bounds {
    name: &'static str,
    least: Option<&'static str>,
    most: &'static str,
}

const BOUNDS: [Bounds; 8] = [
    Bounds {
        name: "consumer.session.timeout.ms",
        least: Some("group.consumer.min.session.timeout.ms"),
        most: "group.consumer.max.session.timeout.ms",
    },
    Bounds {
        name: "consumer.heartbeat.interval.ms",
        least: Some("group.consumer.min.heartbeat.interval.ms"),
        most: "group.consumer.max.heartbeat.interval.ms",
    },
    Bounds {
        name: "share.session.timeout.ms",
        least: Some("group.share.min.session.timeout.ms"),
        most: "group.share.max.session.timeout.ms",
    },
    Bounds {
        name: "share.heartbeat.interval.ms",
        least: Some("group.share.min.heartbeat.interval.ms"),
        most: "group.share.max.heartbeat.interval.ms",
    },
    Bounds {
        name: "share.record.lock.duration.ms",
        least: Some("group.share.min.record.lock.duration.ms"),
        most: "group.share.max.record.lock.duration.ms",
    },
    Bounds {
        name: "streams.session.timeout.ms",
        least: Some("group.streams.min.session.timeout.ms"),
        most: "group.streams.max.session.timeout.ms",
    },
    Bounds {
        name: "streams.heartbeat.interval.ms",
        least: Some("group.streams.min.heartbeat.interval.ms"),
        most: "group.streams.max.heartbeat.interval.ms",
    },
    Bounds {
        name: "streams.num.standby.replicas",
        least: None,
        most: "group.streams.max.standby.replicas",
    },
];

/// A session must outlast the calls that keep it alive.
const SESSIONS: [(&str, &str); 3] = [
    (
        "consumer.session.timeout.ms",
        "consumer.heartbeat.interval.ms",
    ),
    ("share.session.timeout.ms", "share.heartbeat.interval.ms"),
    (
        "streams.session.timeout.ms",
        "streams.heartbeat.interval.ms",
    ),
];

/// Checks the values that a group is to have; each has passed its own check.
///
/// # Errors
/// Kafka's text for the first that is out of bounds.
pub(super) fn check_group(values: &ConfigMap, layers: &Layers) -> Result<(), Refusal> {
    let refuse = |text: String| Err(Refusal::new(ErrorCode::InvalidConfig, text));
    for bounds in &BOUNDS {
        let Some(value) = number(values.get(bounds.name).map(String::as_str)) else {
            continue;
        };
        let of_broker = |name: &str| number(layers.value_of(name).map(|value| value.text));
        let name = bounds.name;
        if let Some(least) = bounds.least
            && of_broker(least).is_some_and(|least| value < least)
        {
            return refuse(format!("{name} must be greater than or equal to {least}"));
        }
        let most = bounds.most;
        if of_broker(most).is_some_and(|most| value > most) {
            return refuse(format!("{name} must be less than or equal to {most}"));
        }
    }
    for (session, heartbeat) in SESSIONS {
        let effective = |name: &str| {
            let default = || ConfigCatalog::setting(ResourceType::Group, name)?.default;
            number(values.get(name).map(String::as_str).or_else(default))
        };
        if effective(session) <= effective(heartbeat) {
            return refuse(format!("{session} must be greater than {heartbeat}"));
        }
    }
    Ok(())
}

fn number(text: Option<&str>) -> Option<i64> {
    text?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pairs: &[(&str, &str)]) -> Option<String> {
        let values = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        check_group(&values, &Layers::default()).err()?.message
    }

    #[test]
    fn a_groups_settings_keep_to_the_brokers_bounds() {
        assert_eq!(refused(&[("consumer.session.timeout.ms", "50000")]), None);
        let text = refused(&[("consumer.session.timeout.ms", "50")]);
        let expected = "consumer.session.timeout.ms must be greater than or equal to \
                        group.consumer.min.session.timeout.ms";
        assert_eq!(text.as_deref(), Some(expected));
        let text = refused(&[("streams.num.standby.replicas", "5")]);
        let expected = "streams.num.standby.replicas must be less than or equal to \
                        group.streams.max.standby.replicas";
        assert_eq!(text.as_deref(), Some(expected));
    }
}
