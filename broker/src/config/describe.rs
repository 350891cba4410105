//! What `DescribeConfigs` tells of brokers, topics and groups: every setting with its value, its
//! source and its synonyms, strongest first. Pure.

use std::collections::BTreeMap;

use super::layers::{Layer, Layers, Source};
use super::rows;
use super::setting::Setting;
use super::table;
use super::topic;

/// One setting of a resource.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) setting: &'static Setting,
    /// None when there is no value, or when it must not be shown.
    pub(crate) value: Option<String>,
    pub(crate) source: Source,
    pub(crate) read_only: bool,
    /// Everything that has a say in the value, the one that counts first.
    pub(crate) synonyms: Vec<Synonym>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Synonym {
    pub(crate) name: &'static str,
    /// None when it must not be shown.
    pub(crate) value: Option<String>,
    pub(crate) source: Source,
}

/// All settings of this broker.
pub(crate) fn broker(layers: &Layers) -> impl Iterator<Item = Entry> {
    table::broker().map(|setting| {
        let own = [setting.name];
        let names = match table::broker_synonyms(setting.name) {
            [] => own.as_slice(),
            names => names,
        };
        let synonyms = synonyms(setting, names, layers);
        let own = layers
            .value_of(setting.name)
            .map(|value| value.text.to_owned());
        let source = synonyms
            .first()
            .map_or(Source::Default, |first| first.source);
        let read_only = !setting.is_dynamic();
        Entry {
            setting,
            value: shown(setting, own),
            source,
            read_only,
            synonyms,
        }
    })
}

/// Settings that were given at run time for all brokers: what a description of the cluster's
/// defaults (a broker resource with an empty name) lists.
pub(crate) fn cluster_defaults(layers: &Layers) -> impl Iterator<Item = Entry> {
    table::broker().filter_map(|setting| {
        let given = layers.given(setting.name).iter();
        let text = given
            .clone()
            .find(|given| given.layer == Layer::DynamicCluster)?;
        let value = shown(setting, Some(text.text.clone()));
        let source = Source::DynamicCluster;
        let synonyms = vec![Synonym {
            name: setting.name,
            value: value.clone(),
            source,
        }];
        Some(Entry {
            setting,
            value,
            source,
            read_only: !setting.is_dynamic(),
            synonyms,
        })
    })
}

/// All settings of a topic with these settings of its own.
pub(crate) fn topic<'a>(
    overrides: &'a BTreeMap<String, String>,
    layers: &'a Layers,
) -> impl Iterator<Item = Entry> + 'a {
    table::topic().map(move |setting| {
        let names: Vec<_> = rows::topic::broker_synonyms(setting.name)
            .iter()
            .map(|(name, _)| *name)
            .collect();
        let mut synonyms = synonyms(setting, &names, layers);
        let own = overrides.get(setting.name).cloned();
        if let Some(own) = &own {
            let (value, source) = (shown(setting, Some(own.clone())), Source::DynamicTopic);
            synonyms.insert(
                0,
                Synonym {
                    name: setting.name,
                    value,
                    source,
                },
            );
        }
        let value = own.or_else(|| topic::default_text(setting, layers));
        let source = synonyms
            .first()
            .map_or(Source::Default, |first| first.source);
        Entry {
            setting,
            value: shown(setting, value),
            source,
            read_only: false,
            synonyms,
        }
    })
}

/// All settings of a group with these of its own; what it does not set, the broker's setting of the
/// same name behind `group.` gives.
pub(crate) fn group<'a>(
    overrides: &'a BTreeMap<String, String>,
    layers: &'a Layers,
) -> impl Iterator<Item = Entry> + 'a {
    table::group().map(move |setting| {
        let of_broker = format!("group.{}", setting.name);
        let mut synonyms = match table::find_broker(&of_broker) {
            Some(row) => synonyms(setting, &[row.name], layers),
            None => defaults(setting),
        };
        let own = overrides.get(setting.name).cloned();
        if let Some(own) = &own {
            synonyms.insert(0, synonym(setting, own, Source::DynamicGroup));
        }
        let strongest = synonyms.first();
        Entry {
            setting,
            value: strongest.and_then(|synonym| synonym.value.clone()),
            source: strongest.map_or(Source::Default, |synonym| synonym.source),
            read_only: false,
            synonyms,
        }
    })
}

/// All settings of a client-metrics subscription with these of its own; defaults are no synonyms.
pub(crate) fn client_metrics(overrides: &BTreeMap<String, String>) -> impl Iterator<Item = Entry> {
    table::client_metrics().map(move |setting| {
        let own = overrides.get(setting.name);
        let source = own.map_or(Source::Default, |_| Source::DynamicClientMetrics);
        let default = || setting.default.map(str::to_owned);
        Entry {
            setting,
            value: own.cloned().or_else(default),
            source,
            read_only: false,
            synonyms: own
                .map(|own| synonym(setting, own, source))
                .into_iter()
                .collect(),
        }
    })
}

fn synonym(setting: &'static Setting, value: &str, source: Source) -> Synonym {
    Synonym {
        name: setting.name,
        value: Some(value.to_owned()),
        source,
    }
}

fn defaults(setting: &'static Setting) -> Vec<Synonym> {
    let default = setting.default.iter();
    default
        .map(|default| synonym(setting, default, Source::Default))
        .collect()
}

/// Source by source, and within a source name by name.
fn synonyms(setting: &Setting, names: &[&'static str], layers: &Layers) -> Vec<Synonym> {
    let mut found = Vec::new();
    for source in [
        Source::DynamicBroker,
        Source::DynamicCluster,
        Source::StaticBroker,
    ] {
        for name in names {
            let given = layers
                .given(name)
                .iter()
                .find(|given| given.layer.source() == source);
            if let Some(given) = given {
                let value = shown(setting, Some(given.text.clone()));
                found.push(Synonym {
                    name,
                    value,
                    source,
                });
            }
        }
    }
    // as in Kafka, only the setting itself tells its default, or the first name of another's
    let itself = names.iter().find(|name| **name == setting.name);
    if let Some(name) = itself.or_else(|| names.first()) {
        let default = table::find_broker(name).and_then(|row| row.default);
        if let Some(default) = default {
            let (value, source) = (shown(setting, Some(default.to_owned())), Source::Default);
            found.push(Synonym {
                name,
                value,
                source,
            });
        }
    }
    found
}

fn shown(setting: &Setting, value: Option<String>) -> Option<String> {
    value.filter(|_| !setting.is_sensitive())
}

#[cfg(test)]
mod tests {
    use super::super::layers::Given;
    use super::super::problem::Place;
    use super::*;

    fn layers(values: &[(&str, &str)]) -> Layers {
        let mut layers = Layers::default();
        for (name, text) in values {
            let (layer, place) = (Layer::File, Place::CommandLine("--override"));
            layers.add(
                name,
                Given {
                    layer,
                    text: (*text).to_owned(),
                    place,
                },
            );
        }
        layers
    }

    fn named(mut entries: impl Iterator<Item = Entry>, name: &str) -> Entry {
        entries.find(|entry| entry.setting.name == name).unwrap()
    }

    fn sources(entry: &Entry) -> Vec<(&str, &str, Source)> {
        let each = entry.synonyms.iter();
        each.map(|s| (s.name, s.value.as_deref().unwrap_or("-"), s.source))
            .collect()
    }

    #[test]
    fn a_topic_tells_where_each_value_comes_from() {
        let layers = layers(&[("log.retention.hours", "2")]);
        let none = BTreeMap::new();
        let entry = named(topic(&none, &layers), "retention.ms");
        assert_eq!(
            (entry.value.as_deref(), entry.source),
            (Some("7200000"), Source::StaticBroker)
        );
        let expected = [("log.retention.hours", "2", Source::StaticBroker)];
        assert_eq!(sources(&entry), expected);
        let own = BTreeMap::from([("retention.ms".to_owned(), "5".to_owned())]);
        let entry = named(topic(&own, &layers), "retention.ms");
        assert_eq!(
            (entry.value.as_deref(), entry.source),
            (Some("5"), Source::DynamicTopic)
        );
        assert_eq!(
            sources(&entry)[0],
            ("retention.ms", "5", Source::DynamicTopic)
        );
        assert_eq!(topic(&none, &layers).count(), table::topic().count());
    }

    #[test]
    fn a_broker_lists_every_setting_and_hides_passwords() {
        let layers = layers(&[
            ("ssl.key.password", "hunter2"),
            ("log.retention.hours", "2"),
        ]);
        assert_eq!(broker(&layers).count(), table::broker().count());
        assert!(!format!("{:?}", broker(&layers).collect::<Vec<_>>()).contains("hunter2"));
        let entry = named(broker(&layers), "log.retention.ms");
        assert_eq!(
            (entry.value.as_deref(), entry.source),
            (None, Source::StaticBroker)
        );
        let entry = named(broker(&layers), "num.partitions");
        assert_eq!((entry.value.as_deref(), entry.read_only), (Some("1"), true));
    }

    #[test]
    fn cluster_defaults_are_what_was_set_for_all_brokers() {
        let cluster = BTreeMap::from([("message.max.bytes".to_owned(), "7".to_owned())]);
        let layers = layers(&[("num.partitions", "3")]).with_dynamic(&cluster, &BTreeMap::new());
        let entries: Vec<_> = cluster_defaults(&layers).collect();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].value.as_deref(), Some("7"));
        let entry = named(broker(&layers), "message.max.bytes");
        assert_eq!(
            (entry.source, entry.read_only),
            (Source::DynamicCluster, false)
        );
    }

    #[test]
    fn a_group_has_its_own_settings() {
        let own = BTreeMap::from([("share.auto.offset.reset".to_owned(), "earliest".to_owned())]);
        let layers = layers(&[("group.share.heartbeat.interval.ms", "7000")]);
        let entries: Vec<_> = group(&own, &layers).collect();
        assert_eq!(entries.len(), table::group().count());
        let heartbeat = named(group(&own, &layers), "share.heartbeat.interval.ms");
        assert_eq!(
            (heartbeat.value.as_deref(), heartbeat.source),
            (Some("7000"), Source::StaticBroker)
        );
        assert!(
            entries
                .iter()
                .any(|entry| entry.source == Source::DynamicGroup)
        );
    }
}
