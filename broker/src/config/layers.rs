//! All values as they were given, layer over layer, with their places: what `DescribeConfigs` tells.
//! Pure.

use std::collections::BTreeMap;

use super::problem::Place;
use super::table;

/// Where a value comes from, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    MountedFile,
    File,
    Environment,
    CommandLine,
    /// Set at run time for all brokers.
    DynamicCluster,
    /// Set at run time for this broker.
    DynamicBroker,
}

/// Source of a value, with the numbers of `DescribeConfigs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    DynamicTopic = 1,
    DynamicBroker = 2,
    DynamicCluster = 3,
    StaticBroker = 4,
    Default = 5,
    DynamicClientMetrics = 7,
    DynamicGroup = 8,
}

impl Source {
    /// The number that `DescribeConfigs` answers carry.
    pub(crate) fn wire_code(self) -> i8 {
        self as i8
    }
}

impl Layer {
    pub(crate) fn source(self) -> Source {
        match self {
            Self::MountedFile | Self::File | Self::Environment | Self::CommandLine => {
                Source::StaticBroker
            }
            Self::DynamicCluster => Source::DynamicCluster,
            Self::DynamicBroker => Source::DynamicBroker,
        }
    }
}

/// A value that somebody gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) layer: Layer,
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// A value that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    pub(crate) text: &'a str,
    pub(crate) source: Source,
    /// None for a default.
    pub(crate) place: Option<&'a Place>,
}

/// All given values by name; each list is strongest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    given: BTreeMap<String, Vec<Given>>,
}

impl Layers {
    /// Adds a value above those of weaker layers and above an earlier one of its own layer.
    pub(crate) fn add(&mut self, name: &str, given: Given) {
        let list = self.given.entry(name.to_owned()).or_default();
        list.retain(|other| other.layer != given.layer);
        let at = list
            .iter()
            .position(|other| other.layer < given.layer)
            .unwrap_or(list.len());
        list.insert(at, given);
    }

    /// The same static values, with these dynamic ones in place of earlier dynamic ones.
    pub(crate) fn with_dynamic(
        &self,
        cluster: &BTreeMap<String, String>,
        broker: &BTreeMap<String, String>,
    ) -> Self {
        let mut layers = self.clone();
        for list in layers.given.values_mut() {
            list.retain(|given| given.layer < Layer::DynamicCluster);
        }
        layers.given.retain(|_, list| !list.is_empty());
        for (layer, values) in [
            (Layer::DynamicCluster, cluster),
            (Layer::DynamicBroker, broker),
        ] {
            for (name, text) in values {
                layers.add(
                    name,
                    Given {
                        layer,
                        text: text.clone(),
                        place: Place::Dynamic,
                    },
                );
            }
        }
        layers
    }

    /// The value of a broker setting that counts; None when it has none and no default.
    pub(crate) fn value_of(&self, name: &str) -> Option<Value<'_>> {
        if let Some(given) = self.given(name).first() {
            let (source, place) = (given.layer.source(), Some(&given.place));
            return Some(Value {
                text: &given.text,
                source,
                place,
            });
        }
        let text = table::find_broker(name)?.default?;
        Some(Value {
            text,
            source: Source::Default,
            place: None,
        })
    }

    /// Everything that was given for a name, strongest first.
    pub(crate) fn given(&self, name: &str) -> &[Given] {
        self.given.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[Given])> {
        self.given
            .iter()
            .map(|(name, given)| (name.as_str(), given.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn given(layer: Layer, text: &str) -> Given {
        Given {
            layer,
            text: text.to_owned(),
            place: Place::CommandLine("--override"),
        }
    }

    #[test]
    fn the_strongest_layer_counts_whatever_the_order_of_arrival() {
        let mut layers = Layers::default();
        layers.add("num.partitions", given(Layer::Environment, "3"));
        layers.add("num.partitions", given(Layer::File, "2"));
        layers.add("num.partitions", given(Layer::CommandLine, "4"));
        layers.add("num.partitions", given(Layer::MountedFile, "1"));
        let texts: Vec<_> = layers
            .given("num.partitions")
            .iter()
            .map(|g| &*g.text)
            .collect();
        assert_eq!(texts, ["4", "3", "2", "1"]);
        let value = layers.value_of("num.partitions").unwrap();
        assert_eq!((value.text, value.source), ("4", Source::StaticBroker));
    }

    #[test]
    fn a_default_has_no_place() {
        let layers = Layers::default();
        let value = layers.value_of("num.partitions").unwrap();
        assert_eq!(
            (value.text, value.source, value.place),
            ("1", Source::Default, None)
        );
        assert_eq!(layers.value_of("broker.rack"), None);
        assert_eq!(layers.value_of("no.such.name"), None);
    }

    #[test]
    fn dynamic_values_lie_on_top_and_can_be_taken_away() {
        let mut layers = Layers::default();
        layers.add("message.max.bytes", given(Layer::File, "1"));
        let values =
            |text: &str| BTreeMap::from([("message.max.bytes".to_owned(), text.to_owned())]);
        let dynamic = layers.with_dynamic(&values("2"), &values("3"));
        assert_eq!(
            dynamic.value_of("message.max.bytes").unwrap().source,
            Source::DynamicBroker
        );
        let dynamic = dynamic.with_dynamic(&values("2"), &BTreeMap::new());
        assert_eq!(
            dynamic.value_of("message.max.bytes").unwrap().source,
            Source::DynamicCluster
        );
        let dynamic = dynamic.with_dynamic(&BTreeMap::new(), &BTreeMap::new());
        assert_eq!(dynamic.value_of("message.max.bytes").unwrap().text, "1");
    }

    const LAYERS: [Layer; 6] = [
        Layer::MountedFile,
        Layer::File,
        Layer::Environment,
        Layer::CommandLine,
        Layer::DynamicCluster,
        Layer::DynamicBroker,
    ];

    proptest! {
        #[test]
        fn values_are_kept_strongest_first_one_a_layer(arrivals in prop::collection::vec(0_usize..6, 1..12)) {
            let mut layers = Layers::default();
            for (time, index) in arrivals.iter().enumerate() {
                layers.add("num.partitions", given(LAYERS[*index], &time.to_string()));
            }
            let kept: Vec<Layer> = layers.given("num.partitions").iter().map(|g| g.layer).collect();
            prop_assert!(kept.is_sorted_by(|left, right| left > right), "{kept:?}");
            let strongest = arrivals.iter().max().copied().unwrap_or(0);
            let last = arrivals.iter().rposition(|index| *index == strongest).unwrap_or(0);
            prop_assert_eq!(&layers.given("num.partitions")[0].text, &last.to_string());
        }
    }
}
