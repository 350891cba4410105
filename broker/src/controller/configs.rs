//! `IncrementalAlterConfigs`: single keys of topics, brokers, groups and subscriptions.
//! Owns the operations and what each kind of resource allows. Pure.
//! Who may change what is decided twice in Kafka, by the broker that was asked and by the
//! controller; here it is one pass with the same answers.

use std::collections::{HashMap, HashSet};

use protocol::error_code::ErrorCode;
use protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use protocol::messages::incremental_alter_configs_response::{
    AlterConfigsResourceResponse, IncrementalAlterConfigsResponse,
};
use protocol::messages::metadata::config_record::ConfigRecord;

use crate::config::setting::{Kind, Setting, Update};
use crate::controller::client_metrics_configs::check_client_metrics;
use crate::controller::features::ELR;
use crate::controller::group_configs::check_group;
use crate::controller::{ControllerSettings, OPERATION_RECORDS_MAX, Outcome, Refusal, topic_names};
use crate::metadata::config_catalog::{ConfigCatalog, check_value, check_values};
use crate::metadata::image::{ClusterImage, ConfigMap, ConfigResource, ResourceType};
use crate::metadata::records::MetadataRecord;

pub(crate) const SET: i8 = 0;
pub(crate) const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub(super) const MIN_ISR: &str = "min.insync.replicas";

/// A change of one key: its value, or `None` to delete it.
pub(super) type Changes = Vec<(String, Option<String>)>;

pub(crate) fn incremental_alter_configs(
    image: &ClusterImage,
    request: &IncrementalAlterConfigsRequest,
    settings: &ControllerSettings,
) -> Outcome<IncrementalAlterConfigsResponse> {
    let keys = request
        .resources
        .iter()
        .map(|r| (r.resource_type, r.resource_name.as_str()));
    let repeated = repeated_resources(keys);
    let mut records = Vec::new();
    let mut responses = Vec::new();
    for resource in &request.resources {
        let key = (resource.resource_type, resource.resource_name.as_str());
        let altered = if repeated.contains(&key) {
            Err(each_once())
        } else {
            alter_resource(image, resource, settings)
        };
        let refusal = push_or_refuse(&mut records, altered);
        responses.push(AlterConfigsResourceResponse {
            error_code: refusal.code.code(),
            error_message: refusal.message,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
        });
    }
    if request.validate_only {
        records.clear();
    }
    (
        records,
        IncrementalAlterConfigsResponse {
            responses,
            ..Default::default()
        },
    )
}

pub(super) fn repeated_resources<'a>(
    keys: impl Iterator<Item = (i8, &'a str)>,
) -> HashSet<(i8, &'a str)> {
    let mut seen = HashSet::new();
    keys.filter(|key| !seen.insert(*key)).collect()
}

pub(super) fn each_once() -> Refusal {
    Refusal::new(
        ErrorCode::InvalidRequest,
        "Each resource must appear at most once.",
    )
}

pub(super) fn repeated_keys() -> Refusal {
    Refusal::new(
        ErrorCode::InvalidRequest,
        "Error due to duplicate config keys",
    )
}

/// Keeps the records of a resource that was accepted, unless the request as a whole grows too large.
pub(super) fn push_or_refuse(
    records: &mut Vec<MetadataRecord>,
    altered: Result<Vec<MetadataRecord>, Refusal>,
) -> Refusal {
    match altered {
        Ok(changes) if records.len() + changes.len() > OPERATION_RECORDS_MAX => {
            Refusal::too_large()
        }
        Ok(changes) => {
            records.extend(changes);
            Refusal::silent(ErrorCode::None)
        }
        Err(refusal) => refusal,
    }
}

fn alter_resource(
    image: &ClusterImage,
    request: &AlterConfigsResource,
    settings: &ControllerSettings,
) -> Result<Vec<MetadataRecord>, Refusal> {
    check_operands(&request.configs)?;
    let resource = resolve_resource(
        image,
        request.resource_type,
        &request.resource_name,
        settings,
    )?;
    let current = image.configs.of(&resource).map(|map| &**map);
    let mut changes = Changes::new();
    for config in &request.configs {
        let value = new_value(image, &resource, config, current, settings)?;
        changes.push((config.name.clone(), value));
    }
    check_changes(image, &resource, &changes, settings)?;
    Ok(records_of(&resource, changes, current))
}

fn check_operands(configs: &[AlterableConfig]) -> Result<(), Refusal> {
    let mut seen = HashMap::new();
    if configs
        .iter()
        .any(|config| seen.insert(config.name.as_str(), ()).is_some())
    {
        return Err(repeated_keys());
    }
    let without_value: Vec<&str> = configs
        .iter()
        .filter(|config| config.value.is_none() && config.config_operation != DELETE)
        .map(|config| config.name.as_str())
        .collect();
    no_null_values(&without_value)
}

pub(super) fn no_null_values(without_value: &[&str]) -> Result<(), Refusal> {
    if without_value.is_empty() {
        return Ok(());
    }
    let text = format!("Null value not supported for : {}", without_value.join(","));
    Err(Refusal::new(ErrorCode::InvalidRequest, text))
}

/// The resource that a request names, if it is one whose configuration can be changed here.
pub(super) fn resolve_resource(
    image: &ClusterImage,
    kind: i8,
    name: &str,
    settings: &ControllerSettings,
) -> Result<ConfigResource, Refusal> {
    let invalid = |text: String| Err(Refusal::new(ErrorCode::InvalidRequest, text));
    let Some(resource_type) = ResourceType::from_code(kind) else {
        return invalid(format!("Unknown resource type {kind}"));
    };
    match resource_type {
        ResourceType::Topic if name.is_empty() => {
            return invalid(String::from("Default topic resources are not allowed."));
        }
        ResourceType::Group if name.is_empty() => {
            return invalid(String::from("Default group resources are not allowed."));
        }
        ResourceType::Topic if image.topic(name).is_none() => {
            topic_names::validate(name)?;
            let text = format!("The topic '{name}' does not exist.");
            return Err(Refusal::new(ErrorCode::UnknownTopicOrPartition, text));
        }
        ResourceType::Broker if !name.is_empty() => check_broker_name(name, settings.node_id)?,
        ResourceType::ClientMetrics if name.is_empty() => {
            return invalid(String::from("Subscription name can't be empty"));
        }
        // loggers are not metadata: those of a broker change on it alone
        ResourceType::BrokerLogger => return invalid(format!("Unknown resource type {kind}")),
        ResourceType::Topic
        | ResourceType::Broker
        | ResourceType::ClientMetrics
        | ResourceType::Group => {}
    }
    Ok(ConfigResource {
        kind: resource_type,
        name: name.to_owned(),
    })
}

fn check_broker_name(name: &str, node_id: i32) -> Result<(), Refusal> {
    let text = match name.parse::<i32>() {
        Ok(id) if id == node_id => return Ok(()),
        Ok(_) => format!("Unexpected broker id, expected {node_id}, but received {name}"),
        Err(_) => format!("Node id must be an integer, but it is: {name}"),
    };
    Err(Refusal::new(ErrorCode::InvalidRequest, text))
}

fn new_value(
    image: &ClusterImage,
    resource: &ConfigResource,
    config: &AlterableConfig,
    current: Option<&ConfigMap>,
    settings: &ControllerSettings,
) -> Result<Option<String>, Refusal> {
    let operand = config.value.as_deref().unwrap_or("");
    let operation = match config.config_operation {
        SET => return Ok(Some(operand.to_owned())),
        DELETE => return Ok(None),
        APPEND => "APPEND",
        SUBTRACT => "SUBTRACT",
        // Kafka's answer to an operation without a name is no more telling.
        _ => return Err(Refusal::silent(ErrorCode::UnknownServerError)),
    };
    let setting = ConfigCatalog::setting(resource.kind, &config.name);
    // Kafka does not take the lists of subscriptions for lists
    let is_list = |setting: &Setting| {
        setting.kind == Kind::List && resource.kind != ResourceType::ClientMetrics
    };
    if !setting.is_some_and(is_list) {
        let name = &config.name;
        let text = format!("Can't {operation} to key {name} because its type is not LIST.");
        return Err(Refusal::new(ErrorCode::InvalidConfig, text));
    }
    let old = match current.and_then(|current| current.get(&config.name)) {
        Some(value) => Some(value.clone()),
        None if resource.kind == ResourceType::Broker => {
            let layers = settings.catalog.layers(image, settings.node_id);
            layers
                .value_of(&config.name)
                .map(|value| value.text.to_owned())
        }
        None => setting
            .and_then(|setting| setting.default)
            .map(str::to_owned),
    };
    let mut elements: Vec<&str> = old.as_deref().map(elements_of).unwrap_or_default();
    for element in elements_of(operand) {
        if config.config_operation == SUBTRACT {
            elements.retain(|existing| *existing != element);
        } else if !elements.contains(&element) {
            elements.push(element);
        }
    }
    Ok(Some(elements.join(",")))
}

fn elements_of(list: &str) -> Vec<&str> {
    list.split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
        .collect()
}

/// Whether the resource may have the values that the changes would give it.
pub(super) fn check_changes(
    image: &ClusterImage,
    resource: &ConfigResource,
    changes: &Changes,
    settings: &ControllerSettings,
) -> Result<(), Refusal> {
    if resource.kind == ResourceType::Broker {
        return check_broker_changes(image, resource, changes);
    }
    let mut values = image
        .configs
        .of(resource)
        .map(|map| (**map).clone())
        .unwrap_or_default();
    for (name, value) in changes {
        match value {
            Some(value) => values.insert(name.clone(), value.clone()),
            None => values.remove(name),
        };
    }
    if resource.kind == ResourceType::ClientMetrics {
        return check_client_metrics(&values);
    }
    let invalid = |text: String| Refusal::new(ErrorCode::InvalidConfig, text);
    check_values(resource.kind, &values).map_err(invalid)?;
    if resource.kind == ResourceType::Group {
        check_group(&values, &settings.catalog.layers(image, settings.node_id))?;
    }
    Ok(())
}

fn check_broker_changes(
    image: &ClusterImage,
    resource: &ConfigResource,
    changes: &Changes,
) -> Result<(), Refusal> {
    let is_default = resource.name.is_empty();
    let updates = |wanted: Update| {
        let of = |name: &str| ConfigCatalog::setting(ResourceType::Broker, name);
        let fits = move |name: &str| of(name).is_some_and(|setting| setting.update == wanted);
        let names = changes
            .iter()
            .filter(|(name, value)| value.is_some() && fits(name));
        names
            .map(|(name, _)| name.as_str())
            .collect::<Vec<&str>>()
            .join(", ")
    };
    let invalid = |text: String| Err(Refusal::new(ErrorCode::InvalidRequest, text));
    let read_only = updates(Update::ReadOnly);
    if !read_only.is_empty() {
        return invalid(format!(
            "Cannot update these configs dynamically: [{read_only}]"
        ));
    }
    let per_broker = updates(Update::PerBroker);
    if is_default && !per_broker.is_empty() {
        return invalid(format!(
            "Cannot update these configs at default cluster level, broker id must be specified: \
             [{per_broker}]"
        ));
    }
    for (name, value) in changes {
        let setting = ConfigCatalog::setting(ResourceType::Broker, name);
        if let (Some(setting), Some(value)) = (setting, value) {
            check_value(setting, value)
                .map_err(|text| Refusal::new(ErrorCode::InvalidRequest, text))?;
        }
    }
    check_min_isr(image, is_default, changes)
}

/// With eligible leader replicas the minimum of in-sync replicas is the cluster's, and must exist.
fn check_min_isr(image: &ClusterImage, is_default: bool, changes: &Changes) -> Result<(), Refusal> {
    let Some((_, value)) = changes.iter().find(|(name, _)| name == MIN_ISR) else {
        return Ok(());
    };
    if image.feature(ELR) == 0 {
        return Ok(());
    }
    let is_set = image
        .configs
        .value(&ConfigResource::default_broker(), MIN_ISR)
        .is_some();
    let text = match (is_default, value) {
        (false, _) => "Broker-level min.insync.replicas cannot be altered while ELR is enabled.",
        (true, None) if is_set => {
            "Cluster-level min.insync.replicas cannot be removed while ELR is enabled."
        }
        (true, _) => return Ok(()),
    };
    Err(Refusal::new(ErrorCode::InvalidConfig, text))
}

/// Values that stay the same need no record.
pub(super) fn records_of(
    resource: &ConfigResource,
    changes: Changes,
    current: Option<&ConfigMap>,
) -> Vec<MetadataRecord> {
    let changed = |(name, value): &(String, Option<String>)| {
        current.and_then(|current| current.get(name)) != value.as_ref()
    };
    let record = |(name, value): (String, Option<String>)| {
        ConfigRecord {
            resource_type: resource.kind.code(),
            resource_name: resource.name.clone(),
            name,
            value,
        }
        .into()
    };
    changes.into_iter().filter(changed).map(record).collect()
}
