//! The configuration and its table as text, JSON and documentation. Pure.

use std::fmt::Write as _;

use crate::config::layers::{Layers, Source};
use crate::config::problem::Notice;
use crate::config::setting::Setting;
use crate::config::table;
use crate::logging::write_json_text;

/// `name = value`, with where each value comes from; then what is worth telling.
pub(crate) fn text(layers: &Layers, notices: &[Notice], all: bool) -> String {
    let rows: Vec<(&str, String, String)> = table::broker()
        .filter(|setting| all || layers.is_given(setting.name))
        .map(|setting| {
            (
                setting.name,
                value(setting, layers),
                origin(setting, layers),
            )
        })
        .collect();
    let width = rows
        .iter()
        .map(|(name, value, _)| name.len() + value.len() + 3)
        .max();
    let width = width.unwrap_or_default().min(60);
    let mut text = String::new();
    // Writing to a String cannot fail, here and below.
    for (name, value, origin) in &rows {
        let pair = format!("{name} = {value}");
        let _ = writeln!(text, "{pair:<width$}  # {origin}");
    }
    let others = table::broker().count() - rows.len();
    if others > 0 {
        let _ = writeln!(
            text,
            "# {others} settings are at their defaults (--all lists them)"
        );
    }
    for notice in notices {
        let _ = writeln!(text, "# {notice}");
    }
    text
}

fn value(setting: &Setting, layers: &Layers) -> String {
    match layers.value_of(setting.name) {
        Some(_) if setting.is_sensitive() => "(hidden)".to_owned(),
        Some(value) => value.text.to_owned(),
        None => String::new(),
    }
}

fn origin(setting: &Setting, layers: &Layers) -> String {
    let place = layers.value_of(setting.name).and_then(|value| value.place);
    place.map_or_else(|| "default".to_owned(), ToString::to_string)
}

/// An array of objects, one a line.
pub(crate) fn json(layers: &Layers) -> String {
    let rows = table::broker().map(|setting| {
        let current = layers.value_of(setting.name);
        let source = current
            .as_ref()
            .map_or(Source::Default, |value| value.source);
        let shown = current
            .as_ref()
            .filter(|_| !setting.is_sensitive())
            .map(|value| value.text);
        let origin = current
            .as_ref()
            .and_then(|value| value.place)
            .map(ToString::to_string);
        let fields = [
            ("name", Some(setting.name)),
            ("value", shown),
            ("source", Some(source_name(source))),
            ("place", origin.as_deref()),
            ("type", Some(setting.kind.name())),
            ("update", Some(setting.update.name())),
            ("treatment", Some(setting.treatment.name())),
        ];
        let mut row = String::from("{");
        for (index, (name, text)) in fields.into_iter().enumerate() {
            row.push_str(if index == 0 { "" } else { "," });
            let _ = write_json_text(&mut row, name);
            row.push(':');
            match text {
                Some(text) => {
                    let _ = write_json_text(&mut row, text);
                }
                None => row.push_str("null"),
            }
        }
        row.push('}');
        row
    });
    format!("[\n{}\n]\n", rows.collect::<Vec<_>>().join(",\n"))
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::DynamicTopic => "DYNAMIC_TOPIC_CONFIG",
        Source::DynamicBroker => "DYNAMIC_BROKER_CONFIG",
        Source::DynamicCluster => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        Source::StaticBroker => "STATIC_BROKER_CONFIG",
        Source::Default => "DEFAULT_CONFIG",
        Source::DynamicClientMetrics => "DYNAMIC_CLIENT_METRICS_CONFIG",
        Source::DynamicGroup => "DYNAMIC_GROUP_CONFIG",
    }
}

/// The table of settings in Markdown.
pub(crate) fn documentation() -> String {
    let mut text = String::new();
    section(&mut text, "Broker settings", table::broker());
    section(&mut text, "Topic settings", table::topic());
    section(&mut text, "Group settings", table::group());
    section(
        &mut text,
        "Client metrics settings",
        table::client_metrics(),
    );
    text
}

fn section(text: &mut String, title: &str, rows: impl Iterator<Item = &'static Setting>) {
    let _ = writeln!(
        text,
        "# {title}\n\n| name | type | default | change | here | meaning |"
    );
    text.push_str("|---|---|---|---|---|---|\n");
    for setting in rows {
        let default = setting.default.unwrap_or("null").replace('|', "\\|");
        let here = match setting.treatment.reason() {
            Some(reason) => format!("{}: {reason}", setting.treatment.name()),
            None => setting.treatment.name().to_owned(),
        };
        let (name, update, doc) = (setting.name, setting.update.name(), setting.doc);
        let expected = setting.expectation();
        let _ = writeln!(
            text,
            "| `{name}` | {expected} | {default} | {update} | {here} | {doc} |"
        );
    }
    text.push('\n');
}

/// A UUID's 16 bytes in URL-safe base64 without padding, as Kafka writes identities.
pub(crate) fn short_uuid(hex: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut number = hex
        .chars()
        .filter_map(|c| c.to_digit(16))
        .fold(0_u128, |number, digit| (number << 4) | u128::from(digit));
    // 128 bits are 21 digits of 6 bits, and 2 bits that start the last one.
    let mut digits = Vec::with_capacity(22);
    digits.push(DIGITS[((number & 0b11) << 4) as usize & 63]);
    number >>= 2;
    for _ in 0..21 {
        digits.push(DIGITS[(number & 63) as usize]);
        number >>= 6;
    }
    digits.reverse();
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers::{Given, Layer};
    use crate::config::problem::Place;

    fn layers(values: &[(&str, &str)]) -> Layers {
        let mut layers = Layers::default();
        for (name, text) in values {
            let (layer, place) = (Layer::CommandLine, Place::CommandLine("--override"));
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

    #[test]
    fn given_values_are_shown_with_their_place_and_passwords_are_not() {
        let layers = layers(&[("num.partitions", "3"), ("ssl.key.password", "hunter2")]);
        let shown = text(&layers, &[], false);
        assert!(
            shown.starts_with("num.partitions = 3           # command line --override\n"),
            "{shown}"
        );
        assert!(shown.contains("ssl.key.password = (hidden)"), "{shown}");
        for all in [text(&layers, &[], true), json(&layers)] {
            assert!(!all.contains("hunter2"));
            assert!(all.lines().count() >= table::broker().count());
        }
    }

    #[test]
    fn json_has_a_row_a_setting() {
        let row = "{\"name\":\"num.partitions\",\"value\":\"3\",\"source\":\"STATIC_BROKER_CONFIG\",\
                   \"place\":\"command line --override\",\"type\":\"int\",\"update\":\"read-only\",\
                   \"treatment\":\"honoured\"}";
        assert!(json(&layers(&[("num.partitions", "3")])).contains(row));
    }

    #[test]
    fn the_documentation_has_every_setting() {
        let text = documentation();
        for setting in table::broker().chain(table::topic()) {
            assert!(text.contains(&format!("| `{}` |", setting.name)));
        }
    }

    #[test]
    fn identities_are_kafka_base64() {
        assert_eq!(
            short_uuid("00000000-0000-0000-0000-000000000001"),
            "AAAAAAAAAAAAAAAAAAAAAQ"
        );
        assert_eq!(
            short_uuid("ffffffff-ffff-ffff-ffff-ffffffffffff"),
            "_____________________w"
        );
    }
}
