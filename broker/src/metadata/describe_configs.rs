//! The `DescribeConfigs` answer: every key of a resource with its value, source and synonyms.
//! Owns which keys each kind of resource shows. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::describe_configs_request::{
    DescribeConfigsRequest, DescribeConfigsResource,
};
use protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResponse, DescribeConfigsResult,
    DescribeConfigsSynonym,
};

use crate::config::describe::{self, Entry, Synonym};
use crate::controller::{Refusal, topic_names};
use crate::loggers::Loggers;
use crate::metadata::describe_topics::DescribeContext;
use crate::metadata::image::{ClusterImage, ConfigMap, ConfigResource, ResourceType};

/// The source of a logger's level.
const DYNAMIC_BROKER_LOGGER: i8 = 6;

pub(crate) fn describe_configs(
    image: &ClusterImage,
    request: &DescribeConfigsRequest,
    context: DescribeContext<'_>,
    loggers: &Loggers,
) -> DescribeConfigsResponse {
    let result = |resource: &DescribeConfigsResource| {
        let (error, configs) = match describe_resource(image, resource, request, context, loggers) {
            Ok(configs) => (Refusal::new(ErrorCode::None, ""), configs),
            Err(refusal) => (refusal, Vec::new()),
        };
        DescribeConfigsResult {
            error_code: error.code.code(),
            error_message: error.message,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            configs,
        }
    };
    let results = request.resources.iter().map(result).collect();
    DescribeConfigsResponse {
        results,
        ..Default::default()
    }
}

fn describe_resource(
    image: &ClusterImage,
    resource: &DescribeConfigsResource,
    request: &DescribeConfigsRequest,
    context: DescribeContext<'_>,
    loggers: &Loggers,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    let name = resource.resource_name.as_str();
    let Some(kind) = ResourceType::from_code(resource.resource_type) else {
        let code = ErrorCode::InvalidRequest;
        return Err(Refusal::new(code, code.message()));
    };
    let own = image.configs.of(&ConfigResource {
        kind,
        name: name.to_owned(),
    });
    let own = own.map_or_else(ConfigMap::new, |own| (**own).clone());
    let layers = context.catalog.layers(image, context.node_id);
    let entries: Vec<Entry> = match kind {
        ResourceType::Topic => {
            topic_names::validate(name)?;
            if image.topic(name).is_none() {
                return Err(Refusal::new(ErrorCode::UnknownTopicOrPartition, ""));
            }
            describe::topic(&own, &layers).collect()
        }
        ResourceType::Broker if name.is_empty() => describe::cluster_defaults(&layers).collect(),
        ResourceType::Broker => {
            check_broker_name(name, context.node_id, " or empty string")?;
            describe::broker(&layers).collect()
        }
        ResourceType::BrokerLogger => {
            check_broker_name(name, context.node_id, "")?;
            return Ok(described(loggers, resource));
        }
        ResourceType::Group if name.is_empty() => {
            return Err(Refusal::new(
                ErrorCode::InvalidRequest,
                "Group name must not be empty",
            ));
        }
        ResourceType::Group => describe::group(&own, &layers).collect(),
        ResourceType::ClientMetrics if name.is_empty() => {
            let text = "Client metrics subscription name must not be empty";
            return Err(Refusal::new(ErrorCode::InvalidRequest, text));
        }
        ResourceType::ClientMetrics => describe::client_metrics(&own).collect(),
    };
    Ok(entries
        .into_iter()
        .filter(|entry| is_wanted(resource, entry.setting.name))
        .map(|entry| shown(entry, request))
        .collect())
}

fn check_broker_name(name: &str, node_id: i32, alternative: &str) -> Result<(), Refusal> {
    let text = match name.parse::<i32>() {
        Ok(id) if id == node_id => return Ok(()),
        Ok(_) => {
            format!("Unexpected broker id, expected {node_id}{alternative}, but received {name}")
        }
        Err(_) => format!("Broker id must be an integer, but it is: {name}"),
    };
    Err(Refusal::new(ErrorCode::InvalidRequest, text))
}

fn shown(entry: Entry, request: &DescribeConfigsRequest) -> DescribeConfigsResourceResult {
    let synonym = |synonym: Synonym| DescribeConfigsSynonym {
        name: synonym.name.to_owned(),
        value: synonym.value,
        source: synonym.source.wire_code(),
    };
    let synonyms = if request.include_synonyms {
        entry.synonyms
    } else {
        Vec::new()
    };
    let setting = entry.setting;
    DescribeConfigsResourceResult {
        name: setting.name.to_owned(),
        value: entry.value,
        read_only: entry.read_only,
        config_source: entry.source.wire_code(),
        is_sensitive: setting.is_sensitive(),
        synonyms: synonyms.into_iter().map(synonym).collect(),
        config_type: setting.kind.wire_code(),
        documentation: request
            .include_documentation
            .then(|| setting.doc.to_owned()),
    }
}

/// No keys, or null, asks for all.
fn is_wanted(resource: &DescribeConfigsResource, name: &str) -> bool {
    match &resource.configuration_keys {
        Some(keys) if !keys.is_empty() => keys.iter().any(|key| key == name),
        _ => true,
    }
}

fn described(
    loggers: &Loggers,
    resource: &DescribeConfigsResource,
) -> Vec<DescribeConfigsResourceResult> {
    let levels = loggers.all().into_iter();
    levels
        .filter(|(name, _)| is_wanted(resource, name))
        .map(|(name, level)| DescribeConfigsResourceResult {
            name: name.to_owned(),
            value: Some(level.to_owned()),
            config_source: DYNAMIC_BROKER_LOGGER,
            documentation: Some(String::new()),
            ..Default::default()
        })
        .collect()
}
