//! `ListConfigResources` (74), versions 0-1: whose settings can be described. Version 0 knows
//! client-metrics subscriptions only. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::list_config_resources_request::ListConfigResourcesRequest;
use protocol::messages::list_config_resources_response::{
    ConfigResource, ListConfigResourcesResponse,
};

use crate::api::{Call, CloseReason, Outcome};
use crate::metadata::image::{ClusterImage, ResourceType};

const ALL: [ResourceType; 5] = [
    ResourceType::Group,
    ResourceType::ClientMetrics,
    ResourceType::BrokerLogger,
    ResourceType::Broker,
    ResourceType::Topic,
];

pub(crate) fn answer(call: &Call) -> Result<Outcome, CloseReason> {
    let request: ListConfigResourcesRequest = call.request()?;
    let wanted = if call.header.api_version == 0 {
        &[ResourceType::ClientMetrics.code()]
    } else {
        request.resource_types.as_slice()
    };
    let image = call.connection.shard.image();
    Ok(call.respond(&list(&image, wanted)))
}

/// An empty list asks for every type.
fn list(image: &ClusterImage, wanted: &[i8]) -> ListConfigResourcesResponse {
    if wanted
        .iter()
        .any(|code| ResourceType::from_code(*code).is_none())
    {
        return ListConfigResourcesResponse {
            error_code: ErrorCode::UnsupportedVersion.code(),
            ..Default::default()
        };
    }
    let asked = ALL
        .into_iter()
        .filter(|kind| wanted.is_empty() || wanted.contains(&kind.code()));
    let of_kind = |kind: ResourceType| {
        let code = kind.code();
        names(image, kind)
            .into_iter()
            .map(move |resource_name| ConfigResource {
                resource_name,
                resource_type: code,
            })
    };
    ListConfigResourcesResponse {
        config_resources: asked.flat_map(of_kind).collect(),
        ..Default::default()
    }
}

/// Topics and brokers are listed whether anything is set for them or not.
fn names(image: &ClusterImage, kind: ResourceType) -> Vec<String> {
    match kind {
        ResourceType::Topic => (image.topics.sorted().into_iter())
            .map(|topic| topic.name.to_string())
            .collect(),
        ResourceType::Broker | ResourceType::BrokerLogger => {
            image.brokers.keys().map(ToString::to_string).collect()
        }
        ResourceType::ClientMetrics | ResourceType::Group => {
            let resources = image.configs.iter().map(|(resource, _)| resource);
            let mut names: Vec<String> = resources
                .filter(|resource| resource.kind == kind)
                .map(|resource| resource.name.clone())
                .collect();
            names.sort_unstable();
            names
        }
    }
}
