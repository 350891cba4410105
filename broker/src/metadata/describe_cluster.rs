//! The `DescribeCluster` answer. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::describe_cluster_request::DescribeClusterRequest;
use protocol::messages::describe_cluster_response::{
    DescribeClusterBroker, DescribeClusterResponse,
};

use crate::metadata::describe_topics::{ALL_CLUSTER_OPERATIONS, DescribeContext, controller_id};
use crate::metadata::image::ClusterImage;

const BROKER_ENDPOINTS: i8 = 1;
const CONTROLLER_ENDPOINTS: i8 = 2;

pub(crate) fn describe_cluster(
    image: &ClusterImage,
    request: &DescribeClusterRequest,
    context: DescribeContext<'_>,
) -> DescribeClusterResponse {
    match request.endpoint_type {
        BROKER_ENDPOINTS => {}
        CONTROLLER_ENDPOINTS => {
            let text = "The request was sent to an endpoint of type BROKER, but we wanted an \
                        endpoint of type CONTROLLER";
            return refuse(ErrorCode::MismatchedEndpointType, text.to_owned());
        }
        other => {
            let text = format!("Unsupported endpoint type {other}");
            return refuse(ErrorCode::UnsupportedEndpointType, text);
        }
    }
    let listed = image
        .brokers
        .values()
        .filter(|broker| request.include_fenced_brokers || !broker.fenced);
    let brokers = listed.filter_map(|broker| {
        let endpoint = broker.endpoint(context.listener)?;
        Some(DescribeClusterBroker {
            broker_id: broker.id,
            host: endpoint.host.clone(),
            port: i32::from(endpoint.port),
            rack: broker.rack.clone(),
            is_fenced: broker.fenced,
        })
    });
    let mut response = DescribeClusterResponse {
        endpoint_type: BROKER_ENDPOINTS,
        cluster_id: image.cluster_id.to_string(),
        controller_id: controller_id(image, context.node_id),
        brokers: brokers.collect(),
        ..Default::default()
    };
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = ALL_CLUSTER_OPERATIONS;
    }
    response
}

fn refuse(code: ErrorCode, message: String) -> DescribeClusterResponse {
    DescribeClusterResponse {
        error_code: code.code(),
        error_message: Some(message),
        endpoint_type: BROKER_ENDPOINTS,
        ..Default::default()
    }
}
