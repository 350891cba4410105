//! Client quotas as the image holds them, and the `DescribeClientQuotas` answer. Pure.
//!
//! They are stored and described; nothing is throttled by them yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::error_code::ErrorCode;
use protocol::messages::describe_client_quotas_request::{
    ComponentData, DescribeClientQuotasRequest,
};
use protocol::messages::describe_client_quotas_response::{
    DescribeClientQuotasResponse, EntityData, EntryData, ValueData,
};
use protocol::messages::metadata::client_quota_record::{self, ClientQuotaRecord};

use crate::controller::Refusal;
use crate::metadata::records::MetadataRecord;

pub(crate) const USER: &str = "user";
pub(crate) const CLIENT_ID: &str = "client-id";
pub(crate) const IP: &str = "ip";

const MATCH_EXACT: i8 = 0;
const MATCH_DEFAULT: i8 = 1;
const MATCH_SPECIFIED: i8 = 2;

/// Whom a quota is for: a name of each type, or `None` for all that have no quota of their own.
pub(crate) type QuotaEntity = BTreeMap<String, Option<String>>;

/// The quotas of each entity; an entity without any is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ClientQuotasImage {
    entities: Arc<BTreeMap<QuotaEntity, BTreeMap<String, f64>>>,
}

impl ClientQuotasImage {
    pub(crate) fn value(&self, entity: &QuotaEntity, key: &str) -> Option<f64> {
        self.entities.get(entity)?.get(key).copied()
    }

    pub(super) fn apply(&mut self, record: &ClientQuotaRecord) {
        let parts = record.entity.iter();
        let entity: QuotaEntity = parts
            .map(|part| (part.entity_type.clone(), part.entity_name.clone()))
            .collect();
        let entities = Arc::make_mut(&mut self.entities);
        let values = entities.entry(entity.clone()).or_default();
        if record.remove {
            values.remove(&record.key);
        } else {
            values.insert(record.key.clone(), record.value);
        }
        if values.is_empty() {
            entities.remove(&entity);
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = MetadataRecord> {
        self.entities.iter().flat_map(|(entity, values)| {
            values
                .iter()
                .map(|(key, value)| quota_record(entity, key, Some(*value)))
        })
    }
}

/// The record that sets one quota, or removes it.
pub(crate) fn quota_record(entity: &QuotaEntity, key: &str, value: Option<f64>) -> MetadataRecord {
    let parts = entity.iter().map(
        |(entity_type, entity_name)| client_quota_record::EntityData {
            entity_type: entity_type.clone(),
            entity_name: entity_name.clone(),
        },
    );
    ClientQuotaRecord {
        entity: parts.collect(),
        key: key.to_owned(),
        value: value.unwrap_or(0.0),
        remove: value.is_none(),
    }
    .into()
}

pub(crate) fn describe_client_quotas(
    quotas: &ClientQuotasImage,
    request: &DescribeClientQuotasRequest,
) -> DescribeClientQuotasResponse {
    let filter = match Filter::read(&request.components) {
        Ok(filter) => filter,
        Err(refusal) => {
            return DescribeClientQuotasResponse {
                error_code: refusal.code.code(),
                error_message: refusal.message,
                entries: None,
                ..Default::default()
            };
        }
    };
    let found = quotas
        .entities
        .iter()
        .filter(|(entity, _)| filter.holds(entity, request.strict));
    DescribeClientQuotasResponse {
        entries: Some(
            found
                .map(|(entity, values)| entry(entity, values))
                .collect(),
        ),
        ..Default::default()
    }
}

fn entry(entity: &QuotaEntity, values: &BTreeMap<String, f64>) -> EntryData {
    let part = |(entity_type, entity_name): (&String, &Option<String>)| EntityData {
        entity_type: entity_type.clone(),
        entity_name: entity_name.clone(),
    };
    let value = |(key, value): (&String, &f64)| ValueData {
        key: key.clone(),
        value: *value,
    };
    EntryData {
        entity: entity.iter().map(part).collect(),
        values: values.iter().map(value).collect(),
    }
}

/// What an entity must have to be described.
#[derive(Debug, Default)]
struct Filter<'a> {
    /// Types with exactly this name, or with the default.
    exact: BTreeMap<&'a str, Option<&'a str>>,
    /// Types with any name.
    any: BTreeSet<&'a str>,
}

impl<'a> Filter<'a> {
    fn read(components: &'a [ComponentData]) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for component in components {
            filter.add(component)?;
        }
        if filter.names(IP) && (filter.names(USER) || filter.names(CLIENT_ID)) {
            return Err(invalid(
                "Invalid entity filter component combination. IP filter component should not be \
                 used with user or clientId filter component.",
            ));
        }
        Ok(filter)
    }

    fn add(&mut self, component: &'a ComponentData) -> Result<(), Refusal> {
        let kind = component.entity_type.as_str();
        if kind.is_empty() {
            return Err(invalid("Invalid empty entity type."));
        }
        if self.names(kind) {
            let text = format!("Entity type {kind} cannot appear more than once in the filter.");
            return Err(invalid(text));
        }
        if !matches!(kind, USER | CLIENT_ID | IP) {
            let text = format!("Unsupported entity type {kind}");
            return Err(Refusal::new(ErrorCode::UnsupportedVersion, text));
        }
        match (component.match_type, component.r#match.as_deref()) {
            (MATCH_EXACT, Some(name)) => drop(self.exact.insert(kind, Some(name))),
            (MATCH_DEFAULT, None) => drop(self.exact.insert(kind, None)),
            (MATCH_SPECIFIED, None) => drop(self.any.insert(kind)),
            (MATCH_EXACT, None) => {
                return Err(invalid(
                    "Request specified MATCH_TYPE_EXACT, but set match string to null.",
                ));
            }
            (MATCH_DEFAULT, Some(_)) => return Err(also_a_match_string("MATCH_TYPE_DEFAULT")),
            (MATCH_SPECIFIED, Some(_)) => return Err(also_a_match_string("MATCH_TYPE_SPECIFIED")),
            (other, _) => return Err(invalid(format!("Unknown match type {other}"))),
        }
        Ok(())
    }

    fn names(&self, kind: &str) -> bool {
        self.exact.contains_key(kind) || self.any.contains(kind)
    }

    /// Strict: the entity has nothing beside what the filter names.
    fn holds(&self, entity: &QuotaEntity, strict: bool) -> bool {
        let exact = |(kind, name): (&&str, &Option<&str>)| {
            entity.get(*kind).map(Option::as_deref) == Some(*name)
        };
        self.exact.iter().all(exact)
            && self.any.iter().all(|kind| entity.contains_key(*kind))
            && (!strict || entity.len() == self.exact.len() + self.any.len())
    }
}

fn also_a_match_string(kind: &str) -> Refusal {
    invalid(format!(
        "Request specified {kind}, but also specified a match string."
    ))
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(parts: &[(&str, Option<&str>)]) -> QuotaEntity {
        parts
            .iter()
            .map(|(kind, name)| ((*kind).to_owned(), name.map(str::to_owned)))
            .collect()
    }

    fn component(kind: &str, match_type: i8, name: Option<&str>) -> ComponentData {
        ComponentData {
            entity_type: kind.to_owned(),
            match_type,
            r#match: name.map(str::to_owned),
        }
    }

    fn found(components: Vec<ComponentData>, strict: bool) -> Option<usize> {
        let entities = [
            entity(&[(USER, Some("a"))]),
            entity(&[(USER, Some("a")), (CLIENT_ID, Some("c"))]),
            entity(&[(USER, None)]),
            entity(&[(IP, Some("10.0.0.1"))]),
        ];
        let mut quotas = ClientQuotasImage::default();
        for entity in &entities {
            let record = quota_record(entity, "request_percentage", Some(50.0));
            let MetadataRecord::ClientQuota(record) = record else {
                unreachable!("a quota's record")
            };
            quotas.apply(&record);
        }
        let request = DescribeClientQuotasRequest { components, strict };
        let answer = describe_client_quotas(&quotas, &request);
        answer.entries.map(|entries| entries.len())
    }

    #[test]
    fn a_filter_finds_names_defaults_and_types() {
        assert_eq!(found(Vec::new(), false), Some(4));
        assert_eq!(found(Vec::new(), true), Some(0));
        let user = |kind, name| vec![component(USER, kind, name)];
        assert_eq!(found(user(MATCH_EXACT, Some("a")), false), Some(2));
        assert_eq!(found(user(MATCH_EXACT, Some("a")), true), Some(1));
        assert_eq!(found(user(MATCH_EXACT, Some("b")), false), Some(0));
        assert_eq!(found(user(MATCH_DEFAULT, None), false), Some(1));
        assert_eq!(found(user(MATCH_SPECIFIED, None), true), Some(2));
        let both = vec![
            component(USER, MATCH_EXACT, Some("a")),
            component(CLIENT_ID, MATCH_SPECIFIED, None),
        ];
        assert_eq!(found(both, true), Some(1));
    }

    #[test]
    fn a_filter_without_sense_is_refused() {
        for components in [
            vec![component("", MATCH_SPECIFIED, None)],
            vec![component("group", MATCH_SPECIFIED, None)],
            vec![component(USER, MATCH_EXACT, None)],
            vec![component(USER, MATCH_DEFAULT, Some("a"))],
            vec![component(USER, 7, None)],
            vec![component(USER, MATCH_SPECIFIED, None); 2],
            vec![
                component(USER, MATCH_SPECIFIED, None),
                component(IP, MATCH_SPECIFIED, None),
            ],
        ] {
            assert_eq!(found(components, false), None);
        }
    }
}
