//! The one table of settings: look-up, synonyms among broker settings, and the nearest name to a
//! misspelt one. Pure; the rows are in `rows/`.

use super::rows;
use super::setting::{Kind, Range, Setting, Treatment, Update};

/// Every broker setting that `DescribeConfigs` lists, area by area.
pub(crate) fn broker() -> impl Iterator<Item = &'static Setting> {
    [
        rows::server::SERVER,
        rows::log::LOG,
        rows::cluster::CLUSTER,
        rows::groups::GROUPS_AND_TRANSACTIONS,
        rows::access::ACCESS,
        rows::tls::ENCRYPTION_AND_LOGIN,
        rows::monitoring::MONITORING,
        rows::tiering::TIERING_SETTINGS,
        rows::millrace::MILLRACE,
    ]
    .into_iter()
    .flatten()
}

/// Every topic setting.
pub(crate) fn topic() -> impl Iterator<Item = &'static Setting> {
    rows::topic::TOPIC.iter()
}

/// Every setting of a group resource.
pub(crate) fn group() -> impl Iterator<Item = &'static Setting> {
    rows::group::GROUP.iter()
}

/// Every setting of a client-metrics resource.
pub(crate) fn client_metrics() -> impl Iterator<Item = &'static Setting> {
    rows::group::CLIENT_METRICS.iter()
}

/// The row of a broker setting, of a removed name, or of the family a name belongs to.
pub(crate) fn find_broker(name: &str) -> Option<&'static Setting> {
    broker()
        .chain(rows::access::REMOVED_NAMES)
        .find(|setting| setting.name == name)
        .or_else(|| {
            FAMILIES.iter().find(|family| {
                name.strip_prefix(family.name)
                    .is_some_and(|rest| !rest.is_empty())
            })
        })
}

/// The row of a topic setting, or of a removed name.
pub(crate) fn find_topic(name: &str) -> Option<&'static Setting> {
    topic()
        .chain(rows::topic::TOPIC_REMOVED_NAMES)
        .find(|setting| setting.name == name)
        .or_else(|| {
            FAMILIES
                .iter()
                .find(|f| f.name == "confluent." && name.starts_with(f.name))
        })
}

/// Settings of one broker that stand for the same thing, the strongest first.
pub(crate) fn broker_synonyms(name: &'static str) -> &'static [&'static str] {
    match name {
        "log.roll.ms" | "log.roll.hours" => &["log.roll.ms", "log.roll.hours"],
        "log.roll.jitter.ms" | "log.roll.jitter.hours" => {
            &["log.roll.jitter.ms", "log.roll.jitter.hours"]
        }
        "log.flush.interval.ms" => &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
        "log.retention.ms" | "log.retention.minutes" | "log.retention.hours" => &[
            "log.retention.ms",
            "log.retention.minutes",
            "log.retention.hours",
        ],
        _ => &[],
    }
}

/// Names that start like these are accepted whatever follows.
const FAMILIES: &[Setting] = &[
    family(
        "listener.name.",
        Treatment::Later("settings of single listeners are for TLS and login"),
    ),
    family(
        "rsm.config.",
        Treatment::Later("tiered storage is not in this version"),
    ),
    family(
        "rlmm.config.",
        Treatment::Later("tiered storage is not in this version"),
    ),
    family(
        "confluent.",
        Treatment::Ignored("belongs to another product"),
    ),
    family("zookeeper.", Treatment::Ignored("removed in Kafka 4.0")),
];

/// A password, so that whatever is in it is never shown.
const fn family(prefix: &'static str, treatment: Treatment) -> Setting {
    Setting {
        name: prefix,
        kind: Kind::Password,
        default: None,
        range: Range::Any,
        update: Update::ReadOnly,
        treatment,
        doc: "",
    }
}

/// The known name that a misspelt one most likely means.
pub(crate) fn nearest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a Setting>,
) -> Option<&'static str> {
    let wanted: String = name
        .chars()
        .take(NAME_CHARS_MAX)
        .collect::<String>()
        .to_lowercase();
    let most = (wanted.chars().count() / 4).max(2);
    known
        .map(|setting| (distance(&wanted, setting.name), setting.name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= most)
        .map(|(_, name)| name)
}

/// Longer than any known name; bounds the work for a name from outside.
const NAME_CHARS_MAX: usize = 96;

/// Edits (insert, delete, replace, swap of neighbours) that make one text the other; a separator
/// written as another one costs nothing.
fn distance(left: &str, right: &str) -> usize {
    let normal = |text: &str| -> Vec<char> {
        text.chars()
            .map(|c| if matches!(c, '_' | '-') { '.' } else { c })
            .collect()
    };
    let (left, right) = (normal(left), normal(right));
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i; right.len() + 1];
        for j in 1..=right.len() {
            let same = left[i - 1] == right[j - 1];
            row[j] = (last[j] + 1)
                .min(row[j - 1] + 1)
                .min(last[j - 1] + usize::from(!same));
            let swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if swapped {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_default_passes_its_own_check() {
        for setting in broker()
            .chain(topic())
            .chain(group())
            .chain(client_metrics())
        {
            if let Some(default) = setting.default {
                assert_eq!(setting.check(default), Ok(()), "{}", setting.name);
            }
            assert!(
                setting.doc.ends_with('.'),
                "{} has a sentence",
                setting.name
            );
        }
    }

    #[test]
    fn every_name_stands_once() {
        let names: Vec<_> = broker().map(|setting| setting.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let names: Vec<_> = topic().map(|setting| setting.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn topic_synonyms_are_broker_settings_with_the_same_default() {
        for setting in topic() {
            for (synonym, _) in rows::topic::broker_synonyms(setting.name) {
                assert!(broker().any(|broker| broker.name == *synonym), "{synonym}");
            }
        }
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        assert_eq!(
            nearest("log.retention.hour", broker()),
            Some("log.retention.hours")
        );
        assert_eq!(nearest("num.partitoins", broker()), Some("num.partitions"));
        assert_eq!(
            nearest("Auto_Create_Topics_Enable", broker()),
            Some("auto.create.topics.enable")
        );
        assert_eq!(nearest("shoe.size", broker()), None);
        assert_eq!(nearest(&"x".repeat(100_000), broker()), None);
    }

    #[test]
    fn families_take_any_name_and_hide_the_value() {
        let jaas = find_broker("listener.name.external.plain.sasl.jaas.config").unwrap();
        assert!(jaas.is_sensitive());
        assert!(find_broker("listener.name.").is_none());
        assert!(
            find_broker("retention.ms").is_none(),
            "a topic setting is no broker setting"
        );
    }

    #[test]
    fn distance_counts_a_swap_once() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("a_b", "a.b"), 0);
    }
}
