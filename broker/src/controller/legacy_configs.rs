//! `AlterConfigs`: the whole configuration of a resource is replaced.
//! Owns nothing but the replacement; the rules are those of `configs`. Pure.

use std::collections::HashSet;

use protocol::messages::alter_configs_request::{AlterConfigsRequest, AlterConfigsResource};
use protocol::messages::alter_configs_response::{
    AlterConfigsResourceResponse, AlterConfigsResponse,
};

use crate::controller::configs::{
    Changes, check_changes, each_once, no_null_values, push_or_refuse, records_of, repeated_keys,
    repeated_resources, resolve_resource,
};
use crate::controller::{ControllerSettings, Outcome, Refusal};
use crate::metadata::image::ClusterImage;
use crate::metadata::records::MetadataRecord;

pub(crate) fn alter_configs(
    image: &ClusterImage,
    request: &AlterConfigsRequest,
    settings: &ControllerSettings,
) -> Outcome<AlterConfigsResponse> {
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
            replace_resource(image, resource, settings)
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
        AlterConfigsResponse {
            responses,
            ..Default::default()
        },
    )
}

fn replace_resource(
    image: &ClusterImage,
    request: &AlterConfigsResource,
    settings: &ControllerSettings,
) -> Result<Vec<MetadataRecord>, Refusal> {
    let nulls = request
        .configs
        .iter()
        .filter(|config| config.value.is_none());
    no_null_values(&nulls.map(|config| config.name.as_str()).collect::<Vec<_>>())?;
    let mut seen = HashSet::new();
    if !request
        .configs
        .iter()
        .all(|config| seen.insert(config.name.as_str()))
    {
        return Err(repeated_keys());
    }
    let (kind, name) = (request.resource_type, &request.resource_name);
    let resource = resolve_resource(image, kind, name, settings)?;
    let current = image.configs.of(&resource).map(|map| &**map);
    let mut changes: Changes = request
        .configs
        .iter()
        .map(|config| (config.name.clone(), config.value.clone()))
        .collect();
    for name in current.into_iter().flat_map(|current| current.keys()) {
        if !request.configs.iter().any(|config| config.name == *name) {
            changes.push((name.clone(), None));
        }
    }
    check_changes(image, &resource, &changes, settings)?;
    Ok(records_of(&resource, changes, current))
}
