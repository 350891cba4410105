//! Subscriptions to client metrics: whom each concerns, and what all that concern a client ask of
//! it together. Pure.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use protocol::types::Uuid;
use regex::{Regex, RegexBuilder};

use crate::metadata::image::{ConfigMap, ConfigsImage, ResourceType};

pub(crate) const METRICS: &str = "metrics";
pub(crate) const INTERVAL: &str = "interval.ms";
pub(crate) const MATCH: &str = "match";
/// Asks for every metric.
const ALL: &str = "*";
/// Kafka's default of `interval.ms`, and how often a client asks that no subscription concerns.
const INTERVAL_DEFAULT_MS: i32 = 300_000;
/// Memory that one pattern may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// What a pattern can be about.
const ATTRIBUTES: [&str; 6] = [
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// A client, as the patterns see it: a text for each of `ATTRIBUTES`, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientAttributes(pub(crate) [String; 6]);

/// What a client is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Changes with what is asked, and differs from client to client.
    pub(crate) subscription_id: i32,
    pub(crate) interval_ms: i32,
    pub(crate) metrics: Vec<String>,
}

#[derive(Debug)]
struct Subscription {
    metrics: Vec<String>,
    interval_ms: i32,
    /// The place of the attribute, and the pattern; all must match.
    patterns: Vec<(usize, Regex)>,
}

#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    all: Vec<Subscription>,
}

impl Subscriptions {
    /// Those of the image, in the order of their names.
    pub(crate) fn read(configs: &ConfigsImage) -> Self {
        let of_kind = configs
            .iter()
            .filter(|(resource, _)| resource.kind == ResourceType::ClientMetrics);
        let mut named: Vec<_> = of_kind.collect();
        named.sort_unstable_by(|left, right| left.0.name.cmp(&right.0.name));
        let all = named.into_iter().map(|(_, values)| subscription(values));
        Self { all: all.collect() }
    }

    /// What all subscriptions that concern a client ask of it.
    pub(crate) fn wanted_of(&self, id: Uuid, client: &ClientAttributes) -> Wanted {
        let mut metrics = BTreeSet::new();
        let mut interval_ms = None;
        for subscription in self.all.iter().filter(|one| one.concerns(client)) {
            metrics.extend(subscription.metrics.iter().cloned());
            let most = interval_ms.unwrap_or(i32::MAX);
            interval_ms = Some(subscription.interval_ms.min(most));
        }
        if metrics.contains(ALL) {
            metrics = BTreeSet::from([ALL.to_owned()]);
        }
        let interval_ms = interval_ms.unwrap_or(INTERVAL_DEFAULT_MS);
        let hash = FixedState::default().hash_one((id.to_u128(), interval_ms, &metrics));
        let [first, second, third, fourth, ..] = hash.to_be_bytes();
        Wanted {
            subscription_id: i32::from_be_bytes([first, second, third, fourth]),
            interval_ms,
            metrics: metrics.into_iter().collect(),
        }
    }
}

impl Subscription {
    fn concerns(&self, client: &ClientAttributes) -> bool {
        let matches = |(place, pattern): &(usize, Regex)| pattern.is_match(&client.0[*place]);
        self.patterns.iter().all(matches)
    }
}

fn subscription(values: &ConfigMap) -> Subscription {
    let text = |name: &str| values.get(name).map_or("", String::as_str);
    let interval_ms = text(INTERVAL).trim().parse().unwrap_or(INTERVAL_DEFAULT_MS);
    Subscription {
        metrics: elements(text(METRICS)).map(str::to_owned).collect(),
        interval_ms,
        // they were checked when they were set
        patterns: elements(text(MATCH))
            .filter_map(|pair| pattern(pair).ok())
            .collect(),
    }
}

fn elements(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|one| !one.is_empty())
}

/// Checks the patterns of a `match` setting.
///
/// # Errors
/// The first that is not `attribute=pattern`.
pub(crate) fn check_patterns(text: &str) -> Result<(), String> {
    elements(text).try_for_each(|pair| pattern(pair).map(drop))
}

/// A pattern holds for the whole attribute.
fn pattern(pair: &str) -> Result<(usize, Regex), String> {
    let illegal = || format!("Illegal client matching pattern: {pair}");
    let (name, pattern) = pair.split_once('=').ok_or_else(illegal)?;
    let place = ATTRIBUTES
        .iter()
        .position(|attribute| *attribute == name.trim())
        .ok_or_else(illegal)?;
    let whole = format!("^(?:{})$", pattern.trim());
    let regex = RegexBuilder::new(&whole)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .build();
    Ok((place, regex.map_err(|_| illegal())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriptions(all: &[&[(&str, &str)]]) -> Subscriptions {
        let values = |pairs: &&[(&str, &str)]| -> ConfigMap {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let all = all.iter().map(|pairs| subscription(&values(pairs)));
        Subscriptions { all: all.collect() }
    }

    fn client(id: &str) -> ClientAttributes {
        let mut client = ClientAttributes::default();
        id.clone_into(&mut client.0[1]);
        client
    }

    #[test]
    fn a_client_is_asked_for_everything_that_concerns_it() {
        let all = subscriptions(&[
            &[(METRICS, "a.,b."), (INTERVAL, "5000")],
            &[(METRICS, "b.,c."), (MATCH, "client_id=app.*")],
            &[
                (METRICS, ALL),
                (MATCH, "client_id=admin,client_software_name=x"),
            ],
        ]);
        let id = Uuid::from_u128(7);
        let app = all.wanted_of(id, &client("app-1"));
        assert_eq!(
            (app.interval_ms, app.metrics.join(" ")),
            (5000, "a. b. c.".to_owned())
        );
        let other = all.wanted_of(id, &client("an-app"));
        assert_eq!(other.metrics, ["a.", "b."]);
        assert_ne!(app.subscription_id, other.subscription_id);
        assert_eq!(all.wanted_of(id, &client("admin")).metrics, ["a.", "b."]);
        let none = Subscriptions::default().wanted_of(id, &client("app-1"));
        assert_eq!(
            (none.interval_ms, none.metrics.len()),
            (INTERVAL_DEFAULT_MS, 0)
        );
    }

    #[test]
    fn every_metric_covers_the_others() {
        let all = subscriptions(&[&[(METRICS, "a.")], &[(METRICS, ALL)]]);
        assert_eq!(all.wanted_of(Uuid::ZERO, &client("c")).metrics, [ALL]);
    }

    #[test]
    fn patterns_are_bounded_and_about_what_there_is() {
        for good in [
            "",
            "client_id=a.*",
            "client_id=a, client_source_port=9[0-9]+",
        ] {
            assert_eq!(check_patterns(good), Ok(()), "{good}");
        }
        let huge = format!("client_id={}", "(a{1000}){1000}".repeat(100));
        for bad in ["client_id", "nope=a", "client_id=[(", &huge] {
            assert!(check_patterns(bad).is_err(), "{}", &bad[..9]);
        }
    }
}
