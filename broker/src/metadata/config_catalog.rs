//! What a configuration key is worth here, and whether a resource may have the values it is given.
//! Owns the check of a resource's values, in Kafka's words, and the join of the broker's own
//! layers with the dynamic ones of the image. Pure; keys and precedence are `config`'s.

use crate::config::describe::{self, Entry};
use crate::config::layers::Layers;
use crate::config::setting::{Kind, Range, Setting, Treatment};
use crate::config::table;
use crate::metadata::image::{ClusterImage, ConfigMap, ConfigResource, ResourceType};

/// Largest value that is stored, as in Kafka.
const VALUE_BYTES_MAX: usize = 32_767;

/// The values that the broker was started with; everything else is in the table or in the image.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigCatalog {
    layers: Layers,
}

impl ConfigCatalog {
    pub(crate) fn new(layers: Layers) -> Self {
        Self { layers }
    }

    pub(crate) fn setting(kind: ResourceType, name: &str) -> Option<&'static Setting> {
        match kind {
            ResourceType::Topic => table::find_topic(name),
            ResourceType::Broker => table::find_broker(name),
            ResourceType::Group => table::group().find(|setting| setting.name == name),
            ResourceType::ClientMetrics => {
                table::client_metrics().find(|setting| setting.name == name)
            }
            ResourceType::BrokerLogger => None,
        }
    }

    /// Every value that some layer gives this broker, the dynamic ones of the image among them.
    pub(crate) fn layers(&self, image: &ClusterImage, node_id: i32) -> Layers {
        let dynamic = |resource: ConfigResource| {
            image
                .configs
                .of(&resource)
                .map(|values| (**values).clone())
                .unwrap_or_default()
        };
        let cluster = dynamic(ConfigResource::default_broker());
        self.layers
            .with_dynamic(&cluster, &dynamic(ConfigResource::broker(node_id)))
    }

    /// Every topic key in the order of names, with the value it has for a topic with the
    /// configuration `own`.
    pub(crate) fn effective_topic(
        &self,
        image: &ClusterImage,
        node_id: i32,
        own: &ConfigMap,
    ) -> Vec<Entry> {
        let layers = self.layers(image, node_id);
        let mut entries: Vec<Entry> = describe::topic(own, &layers).collect();
        entries.sort_unstable_by_key(|entry| entry.setting.name);
        entries
    }
}

/// Checks all values that a topic, group or subscription is to have.
///
/// # Errors
/// Kafka's text for the first value that is wrong.
pub(crate) fn check_values(kind: ResourceType, values: &ConfigMap) -> Result<(), String> {
    for (name, value) in values {
        let Some(setting) = ConfigCatalog::setting(kind, name) else {
            return Err(format!("Unknown {} config name: {name}", kind_name(kind)));
        };
        check_value(setting, value)?;
        if value.len() > VALUE_BYTES_MAX {
            return Err(format!(
                "The configuration value cannot be added because it exceeds the maximum value \
                 size of {VALUE_BYTES_MAX} bytes."
            ));
        }
    }
    check_relations(kind, values)
}

/// Values of one topic that contradict each other.
fn check_relations(kind: ResourceType, values: &ConfigMap) -> Result<(), String> {
    let number = |name: &str| {
        let text = values.get(name).map(String::as_str);
        let default = || table::find_topic(name).and_then(|setting| setting.default);
        text.or_else(default)
            .and_then(|text| text.trim().parse::<i64>().ok())
    };
    if kind != ResourceType::Topic {
        return Ok(());
    }
    match (
        number("min.compaction.lag.ms"),
        number("max.compaction.lag.ms"),
    ) {
        (Some(least), Some(most)) if least > most => Err(format!(
            "conflict topic config setting min.compaction.lag.ms ({least}) > \
             max.compaction.lag.ms ({most})"
        )),
        _ => Ok(()),
    }
}

fn kind_name(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Topic => "topic",
        ResourceType::Broker | ResourceType::BrokerLogger => "broker",
        ResourceType::ClientMetrics => "client metrics",
        ResourceType::Group => "group",
    }
}

/// Checks one value.
///
/// # Errors
/// Kafka's text of what is wrong with it.
pub(crate) fn check_value(setting: &Setting, value: &str) -> Result<(), String> {
    let name = setting.name;
    setting.check(value).map_err(|_| {
        let (blamed, cause) = (blamed(setting, value), cause(setting, value));
        format!("Invalid value {blamed} for configuration {name}: {cause}")
    })?;
    if setting.name.ends_with(".replication.throttled.replicas") && !is_replica_list(value) {
        return Err(format!(
            "Invalid value [{value}] for configuration {name}: {name} must be the literal '*' or a \
             list of replicas in the following format: \
             [partitionId]:[brokerId],[partitionId]:[brokerId],..."
        ));
    }
    match setting.treatment {
        Treatment::Refused(reason) if setting.default != Some(value.trim()) => Err(format!(
            "Invalid value {value} for configuration {name}: {reason}"
        )),
        Treatment::Refused(_)
        | Treatment::Honoured
        | Treatment::Mapped(_)
        | Treatment::Later(_)
        | Treatment::Ignored(_) => Ok(()),
    }
}

/// `*`, or `partition:broker` pairs.
fn is_replica_list(value: &str) -> bool {
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    let is_pair = |pair: &str| {
        pair.split_once(':')
            .is_some_and(|(left, right)| is_number(left) && is_number(right))
    };
    let value = value.trim();
    value.is_empty() || value == "*" || value.split(',').all(|pair| is_pair(pair.trim()))
}

/// Of a list the elements are blamed one by one.
fn blamed<'a>(setting: &Setting, value: &'a str) -> &'a str {
    match setting.range {
        Range::ListOf(allowed) => value
            .split(',')
            .map(str::trim)
            .find(|element| !element.is_empty() && !allowed.contains(element))
            .unwrap_or(value),
        Range::Any
        | Range::AtLeast(_)
        | Range::Between(..)
        | Range::BetweenOr(..)
        | Range::Ratio(..)
        | Range::NotEmpty
        | Range::OneOf(_) => value,
    }
}

fn cause(setting: &Setting, value: &str) -> String {
    match setting.kind {
        Kind::Bool => String::from("Expected value to be either true or false"),
        Kind::Short | Kind::Int | Kind::Long => match value.trim().parse::<i64>() {
            Ok(number) => number_cause(setting, number),
            Err(_) => not_a_number(setting.kind),
        },
        Kind::Double => double_cause(setting, value.trim().parse().ok()),
        Kind::List | Kind::String | Kind::Class | Kind::Password => {
            if let Range::OneOf(allowed) | Range::ListOf(allowed) = setting.range {
                format!("String must be one of: {}", allowed.join(", "))
            } else {
                String::from("String must be non-empty")
            }
        }
    }
}

fn number_cause(setting: &Setting, number: i64) -> String {
    match setting.range {
        Range::BetweenOr(least, most, other) => {
            format!("Value must be between {least} and {most} or equal to {other}")
        }
        Range::AtLeast(least) | Range::Between(least, _) if number < least => {
            format!("Value must be at least {least}")
        }
        Range::Between(_, most) if number > most => {
            format!("Value must be no more than {most}")
        }
        Range::Any
        | Range::AtLeast(_)
        | Range::Between(..)
        | Range::Ratio(..)
        | Range::NotEmpty
        | Range::OneOf(_)
        | Range::ListOf(_) => not_a_number(setting.kind),
    }
}

fn double_cause(setting: &Setting, number: Option<f64>) -> String {
    if let (Range::Ratio(least, most), Some(number)) = (setting.range, number) {
        if number < least {
            return format!("Value must be at least {least}");
        }
        if number > most {
            return format!("Value must be no more than {most}");
        }
    }
    not_a_number(setting.kind)
}

fn not_a_number(kind: Kind) -> String {
    format!("Not a number of type {}", java_kind(kind))
}

fn java_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Short => "SHORT",
        Kind::Int => "INT",
        Kind::Long => "LONG",
        Kind::Double => "DOUBLE",
        Kind::Bool => "BOOLEAN",
        Kind::String => "STRING",
        Kind::List => "LIST",
        Kind::Class => "CLASS",
        Kind::Password => "PASSWORD",
    }
}
