//! `AlterClientQuotas`: limits of users, client ids and addresses, stored.
//! Owns which entities and values there are. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use protocol::error_code::ErrorCode;
use protocol::messages::alter_client_quotas_request::{
    AlterClientQuotasRequest, EntityData as AskedEntity, EntryData as Entry, OpData,
};
use protocol::messages::alter_client_quotas_response::{
    AlterClientQuotasResponse, EntityData, EntryData,
};

use crate::controller::configs::push_or_refuse;
use crate::controller::{Outcome, Refusal};
use crate::metadata::client_quotas::{CLIENT_ID, IP, QuotaEntity, USER, quota_record};
use crate::metadata::image::ClusterImage;
use crate::metadata::records::MetadataRecord;

/// What a quota counts in.
#[derive(Clone, Copy)]
enum Unit {
    Any,
    Whole { most: f64, name: &'static str },
}

#[expect(clippy::cast_precision_loss, reason = "the bound is Kafka's, a double")]
const LONG: Unit = Unit::Whole {
    most: i64::MAX as f64,
    name: "LONG",
};
const INT: Unit = Unit::Whole {
    most: 2_147_483_647.0,
    name: "INTEGER",
};
const OF_CLIENTS: [(&str, Unit); 4] = [
    ("producer_byte_rate", LONG),
    ("consumer_byte_rate", LONG),
    ("request_percentage", Unit::Any),
    ("controller_mutation_rate", Unit::Any),
];
const OF_ADDRESSES: [(&str, Unit); 1] = [("connection_creation_rate", INT)];

/// Further from a whole number than this is fractional.
const FRACTION: f64 = 1e-6;

pub(crate) fn alter_client_quotas(
    image: &ClusterImage,
    request: &AlterClientQuotasRequest,
) -> Outcome<AlterClientQuotasResponse> {
    let mut asked: BTreeMap<QuotaEntity, Vec<&Entry>> = BTreeMap::new();
    for entry in &request.entries {
        asked
            .entry(entity_of(&entry.entity))
            .or_default()
            .push(entry);
    }
    let mut records = Vec::new();
    let mut entries = Vec::new();
    for (entity, of_entity) in asked {
        let altered = match of_entity.as_slice() {
            [entry] => alter_entity(image, &entity, &entry.ops),
            _ => Err(repeated(&entity)),
        };
        let refusal = push_or_refuse(&mut records, altered);
        let parts = entity
            .into_iter()
            .map(|(entity_type, entity_name)| EntityData {
                entity_type,
                entity_name,
            });
        entries.push(EntryData {
            error_code: refusal.code.code(),
            error_message: refusal.message,
            entity: parts.collect(),
        });
    }
    if request.validate_only {
        records.clear();
    }
    let response = AlterClientQuotasResponse {
        entries,
        ..Default::default()
    };
    (records, response)
}

fn entity_of(parts: &[AskedEntity]) -> QuotaEntity {
    let parts = parts.iter();
    parts
        .map(|part| (part.entity_type.clone(), part.entity_name.clone()))
        .collect()
}

fn alter_entity(
    image: &ClusterImage,
    entity: &QuotaEntity,
    ops: &[OpData],
) -> Result<Vec<MetadataRecord>, Refusal> {
    let mut changes = BTreeMap::new();
    for op in ops {
        let value = (!op.remove).then_some(op.value);
        if changes.insert(op.key.as_str(), value).is_some() {
            return Err(repeated(entity));
        }
    }
    let keys = keys_of(entity)?;
    let mut records = Vec::new();
    for (key, value) in changes {
        if let Some(value) = value {
            check_value(keys, key, value)?;
        }
        if image.client_quotas.value(entity, key) != value {
            records.push(quota_record(entity, key, value));
        }
    }
    Ok(records)
}

/// The quotas that an entity may have.
fn keys_of(entity: &QuotaEntity) -> Result<&'static [(&'static str, Unit)], Refusal> {
    if entity.is_empty() {
        return Err(invalid("Invalid empty client quota entity"));
    }
    for (kind, name) in entity {
        if !matches!(kind.as_str(), USER | CLIENT_ID | IP) {
            return Err(invalid(format!(
                "Unhandled client quota entity type: {kind}"
            )));
        }
        if name.as_deref() == Some("") {
            return Err(invalid(format!("Empty {kind} not supported")));
        }
    }
    let Some(address) = entity.get(IP) else {
        return Ok(&OF_CLIENTS);
    };
    if entity.len() > 1 {
        return Err(invalid(
            "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId",
        ));
    }
    match address {
        // Kafka also takes a host's name and looks it up; names are not looked up here
        Some(address) if address.parse::<IpAddr>().is_err() => Err(invalid(format!(
            "{address} is not a valid IP or resolvable host."
        ))),
        Some(_) | None => Ok(&OF_ADDRESSES),
    }
}

fn check_value(keys: &[(&str, Unit)], key: &str, value: f64) -> Result<(), Refusal> {
    let Some((_, unit)) = keys.iter().find(|(name, _)| *name == key) else {
        return Err(invalid(format!("Invalid configuration key {key}")));
    };
    if value.is_nan() || value <= 0.0 {
        return Err(invalid(format!("Quota {key} must be greater than 0")));
    }
    match unit {
        Unit::Whole { most, name } if value > *most => Err(invalid(format!(
            "Proposed value for {key} is too large for a {name}."
        ))),
        Unit::Whole { .. } if (value - value.trunc()).abs() > FRACTION => {
            Err(invalid(format!("{key} cannot be a fractional value.")))
        }
        Unit::Whole { .. } | Unit::Any => Ok(()),
    }
}

fn repeated(entity: &QuotaEntity) -> Refusal {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "null".to_owned());
    let parts = entity.iter();
    let parts: Vec<_> = parts
        .map(|(kind, of_kind)| format!("{kind}={}", name(of_kind)))
        .collect();
    let parts = parts.join(", ");
    invalid(format!(
        "Ignoring duplicate entity ClientQuotaEntity(entries={{{parts}}})"
    ))
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::tests::{apply, cluster};
    use crate::metadata::client_quotas::describe_client_quotas;

    fn entry(parts: &[(&str, Option<&str>)], ops: &[(&str, Option<f64>)]) -> Entry {
        let part = |(kind, name): &(&str, Option<&str>)| AskedEntity {
            entity_type: (*kind).to_owned(),
            entity_name: name.map(str::to_owned),
        };
        let op = |(key, value): &(&str, Option<f64>)| OpData {
            key: (*key).to_owned(),
            value: value.unwrap_or(0.0),
            remove: value.is_none(),
        };
        Entry {
            entity: parts.iter().map(part).collect(),
            ops: ops.iter().map(op).collect(),
        }
    }

    fn alter(image: &ClusterImage, entries: Vec<Entry>) -> Outcome<AlterClientQuotasResponse> {
        let request = AlterClientQuotasRequest {
            entries,
            validate_only: false,
        };
        alter_client_quotas(image, &request)
    }

    fn refused(entry: Entry) -> String {
        let (records, response) = alter(&cluster(1), vec![entry]);
        assert!(records.is_empty(), "{response:?}");
        response.entries[0]
            .error_message
            .clone()
            .unwrap_or_default()
    }

    #[test]
    fn quotas_are_set_changed_and_removed() {
        let image = cluster(1);
        let user = [(USER, Some("a"))];
        let (records, _) = alter(
            &image,
            vec![
                entry(
                    &user,
                    &[
                        ("producer_byte_rate", Some(1024.0)),
                        ("request_percentage", Some(0.5)),
                    ],
                ),
                entry(&[(IP, None)], &[("connection_creation_rate", Some(5.0))]),
            ],
        );
        assert_eq!(records.len(), 3);
        let image = apply(&image, &records);
        let same = entry(
            &user,
            &[
                ("producer_byte_rate", Some(1024.0)),
                ("consumer_byte_rate", None),
            ],
        );
        assert!(alter(&image, vec![same]).0.is_empty(), "nothing changes");
        let gone = entry(
            &user,
            &[("producer_byte_rate", None), ("request_percentage", None)],
        );
        let image = apply(&image, &alter(&image, vec![gone]).0);
        let all = describe_client_quotas(&image.client_quotas, &Default::default());
        assert_eq!(all.entries.unwrap().len(), 1);
    }

    #[test]
    fn values_have_kafkas_bounds() {
        let user = |key, value| entry(&[(USER, Some("b"))], &[(key, Some(value))]);
        for value in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
            let text = refused(user("producer_byte_rate", value));
            assert_eq!(text, "Quota producer_byte_rate must be greater than 0");
        }
        for value in [1e300, f64::INFINITY] {
            let text = refused(user("producer_byte_rate", value));
            assert_eq!(
                text,
                "Proposed value for producer_byte_rate is too large for a LONG."
            );
        }
        let text = refused(user("consumer_byte_rate", 1.5));
        assert_eq!(text, "consumer_byte_rate cannot be a fractional value.");
        let text = refused(user("connection_creation_rate", 5.0));
        assert_eq!(text, "Invalid configuration key connection_creation_rate");
    }

    #[test]
    fn entities_that_cannot_be_are_refused() {
        let rate = [("producer_byte_rate", Some(5.0))];
        assert_eq!(
            refused(entry(&[], &rate)),
            "Invalid empty client quota entity"
        );
        let text = refused(entry(&[("group", Some("g"))], &rate));
        assert_eq!(text, "Unhandled client quota entity type: group");
        let text = refused(entry(&[(USER, Some(""))], &rate));
        assert_eq!(text, "Empty user not supported");
        let text = refused(entry(&[(IP, Some("here"))], &rate));
        assert_eq!(text, "here is not a valid IP or resolvable host.");
        let both = [(IP, Some("10.0.0.1")), (USER, Some("a"))];
        assert!(refused(entry(&both, &rate)).contains("combination"));
        let twice = entry(&[(USER, None)], &[rate[0], rate[0]]);
        let text = "Ignoring duplicate entity ClientQuotaEntity(entries={user=null})";
        assert_eq!(refused(twice), text);
    }
}
