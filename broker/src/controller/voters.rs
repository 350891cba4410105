//! `AddRaftVoter` and `RemoveRaftVoter`: the metadata quorum is the one broker, and stays so.
//! Owns the answers. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::add_raft_voter_request::AddRaftVoterRequest;
use protocol::messages::add_raft_voter_response::AddRaftVoterResponse;
use protocol::messages::remove_raft_voter_request::RemoveRaftVoterRequest;
use protocol::messages::remove_raft_voter_response::RemoveRaftVoterResponse;
use protocol::types::Uuid;

use crate::controller::features::KRAFT;
use crate::controller::{ControllerSettings, Refusal};
use crate::metadata::image::ClusterImage;

pub(crate) fn add_raft_voter(
    image: &ClusterImage,
    request: &AddRaftVoterRequest,
) -> AddRaftVoterResponse {
    let refusal = refuse_addition(image, request);
    AddRaftVoterResponse {
        error_code: refusal.code.code(),
        error_message: refusal.message,
        ..Default::default()
    }
}

fn refuse_addition(image: &ClusterImage, request: &AddRaftVoterRequest) -> Refusal {
    let checked = check(
        image,
        request.cluster_id.as_deref(),
        (request.voter_id, request.voter_directory_id),
        "Add",
    );
    if let Err(refusal) = checked {
        return refusal;
    }
    if request.listeners.is_empty() {
        return Refusal::new(
            ErrorCode::InvalidRequest,
            "Add voter request didn't include the endpoint (Endpoints(endpoints={})) for the \
             default listener ListenerName(CONTROLLER)",
        );
    }
    if image.feature(KRAFT) == 0 {
        return unsupported("adding");
    }
    let text = "The new voter does not take part in this quorum.";
    Refusal::new(ErrorCode::RequestTimedOut, text)
}

pub(crate) fn remove_raft_voter(
    image: &ClusterImage,
    request: &RemoveRaftVoterRequest,
    settings: &ControllerSettings,
) -> RemoveRaftVoterResponse {
    let refusal = refuse_removal(image, request, settings);
    RemoveRaftVoterResponse {
        error_code: refusal.code.code(),
        error_message: refusal.message,
        ..Default::default()
    }
}

fn refuse_removal(
    image: &ClusterImage,
    request: &RemoveRaftVoterRequest,
    settings: &ControllerSettings,
) -> Refusal {
    let (id, directory_id) = (request.voter_id, request.voter_directory_id);
    let cluster_id = request.cluster_id.as_deref();
    if let Err(refusal) = check(image, cluster_id, (id, directory_id), "Remove") {
        return refusal;
    }
    if image.feature(KRAFT) == 0 {
        return unsupported("removing");
    }
    let key = |id: i32, directory: Uuid| format!("ReplicaKey(id={id}, directoryId={directory})");
    let own_directory = image.brokers.get(&settings.node_id);
    let own_directory = own_directory.and_then(|broker| broker.log_dirs.first());
    let voter = key(
        settings.node_id,
        own_directory.copied().unwrap_or(Uuid::ZERO),
    );
    let asked = key(id, directory_id);
    let text = format!("Cannot remove voter {asked} from the set of voters [{voter}]");
    Refusal::new(ErrorCode::VoterNotFound, text)
}

fn check(
    image: &ClusterImage,
    cluster_id: Option<&str>,
    (id, directory_id): (i32, Uuid),
    operation: &str,
) -> Result<(), Refusal> {
    if let Some(given) = cluster_id
        && given != &*image.cluster_id
    {
        let own = &image.cluster_id;
        let text = format!("The given id \"{given}\" doesn't match the cluster id \"{own}\"");
        return Err(Refusal::new(ErrorCode::InconsistentClusterId, text));
    }
    if id < 0 || directory_id == Uuid::ZERO {
        let text = format!("{operation} voter request didn't include a valid voter");
        return Err(Refusal::new(ErrorCode::InvalidRequest, text));
    }
    Ok(())
}

fn unsupported(operation: &str) -> Refusal {
    let text =
        format!("Cluster doesn't support {operation} voter because the kraft.version feature is 0");
    Refusal::new(ErrorCode::UnsupportedVersion, text)
}
