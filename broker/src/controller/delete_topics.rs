//! `DeleteTopics`, by name and by id.
//! Owns the rules of which names and ids of one request are acceptable together. Pure.

use std::collections::HashSet;

use protocol::error_code::ErrorCode;
use protocol::messages::delete_topics_request::{DeleteTopicState, DeleteTopicsRequest};
use protocol::messages::delete_topics_response::{DeletableTopicResult, DeleteTopicsResponse};
use protocol::messages::metadata::remove_topic_record::RemoveTopicRecord;
use protocol::types::Uuid;

use crate::controller::{ControllerSettings, Outcome, Refusal};
use crate::metadata::image::{ClusterImage, TopicImage};
use crate::metadata::records::MetadataRecord;

/// `version` is that of the request: before 3 a client does not know the error of a disabled delete.
pub(crate) fn delete_topics(
    image: &ClusterImage,
    request: &DeleteTopicsRequest,
    version: i16,
    settings: &ControllerSettings,
) -> Outcome<DeleteTopicsResponse> {
    let states = states(request);
    if !settings.delete_topic_enable {
        let refusal = if version < 3 {
            let text = "This version does not support topic deletion.";
            Refusal::new(ErrorCode::InvalidRequest, text)
        } else {
            let code = ErrorCode::TopicDeletionDisabled;
            Refusal::new(code, code.message())
        };
        let responses = states
            .iter()
            .map(|state| failure(state, refusal.clone()))
            .collect();
        return (
            Vec::new(),
            DeleteTopicsResponse {
                responses,
                ..Default::default()
            },
        );
    }
    let repeated = repeated(&states);
    let named_twice = named_twice(image, &states);
    let mut answered = HashSet::new();
    let mut records: Vec<MetadataRecord> = Vec::new();
    let mut responses = Vec::new();
    for state in &states {
        if repeated.contains(&key(state)) && !answered.insert(key(state)) {
            continue;
        }
        if named_twice.contains(&state.topic_id) {
            continue; // its name is answered
        }
        let found = find(image, state, repeated.contains(&key(state))).and_then(|topic| {
            if named_twice.contains(&topic.id) {
                let text = "The provided topic name maps to an ID that was already supplied.";
                return Err(Refusal::new(ErrorCode::InvalidRequest, text));
            }
            Ok(topic)
        });
        responses.push(match found {
            Ok(topic) => {
                records.push(RemoveTopicRecord { topic_id: topic.id }.into());
                success(topic)
            }
            Err(refusal) => failure(state, refusal),
        });
    }
    (
        records,
        DeleteTopicsResponse {
            responses,
            ..Default::default()
        },
    )
}

/// The topics of a request of any version, as version 6 has them.
fn states(request: &DeleteTopicsRequest) -> Vec<DeleteTopicState> {
    let named = request.topic_names.iter().map(|name| DeleteTopicState {
        name: Some(name.clone()),
        topic_id: Uuid::ZERO,
    });
    named.chain(request.topics.iter().cloned()).collect()
}

/// Topics that are asked for both by name and by id.
fn named_twice(image: &ClusterImage, states: &[DeleteTopicState]) -> HashSet<Uuid> {
    let ids: HashSet<Uuid> = states
        .iter()
        .filter(|state| state.name.is_none())
        .map(|state| state.topic_id)
        .collect();
    let by_name = states
        .iter()
        .filter_map(|state| image.topic(state.name.as_deref()?));
    by_name
        .map(|topic| topic.id)
        .filter(|id| ids.contains(id))
        .collect()
}

fn repeated(states: &[DeleteTopicState]) -> HashSet<DeleteTopicStateKey<'_>> {
    let mut seen = HashSet::new();
    states
        .iter()
        .map(key)
        .filter(|key| !seen.insert(*key))
        .collect()
}

type DeleteTopicStateKey<'a> = (Option<&'a str>, Uuid);

fn key(state: &DeleteTopicState) -> DeleteTopicStateKey<'_> {
    (state.name.as_deref(), state.topic_id)
}

fn find<'a>(
    image: &'a ClusterImage,
    state: &DeleteTopicState,
    repeated: bool,
) -> Result<&'a TopicImage, Refusal> {
    let invalid = |text: &str| Err(Refusal::new(ErrorCode::InvalidRequest, text));
    let unknown = |code: ErrorCode| Refusal::new(code, code.message());
    match (&state.name, state.topic_id.is_zero()) {
        (None, true) => invalid("Neither topic name nor id were specified."),
        (Some(_), false) => invalid("You may not specify both topic name and topic id."),
        (Some(_), true) if repeated => invalid("Duplicate topic name."),
        (None, false) if repeated => invalid("Duplicate topic id."),
        (Some(name), true) => image
            .topic(name)
            .map(|topic| &**topic)
            .ok_or_else(|| unknown(ErrorCode::UnknownTopicOrPartition)),
        (None, false) => image
            .topic_by_id(state.topic_id)
            .map(|topic| &**topic)
            .ok_or_else(|| unknown(ErrorCode::UnknownTopicId)),
    }
}

fn success(topic: &TopicImage) -> DeletableTopicResult {
    DeletableTopicResult {
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        ..Default::default()
    }
}

fn failure(state: &DeleteTopicState, refusal: Refusal) -> DeletableTopicResult {
    DeletableTopicResult {
        name: state.name.clone(),
        topic_id: state.topic_id,
        error_code: refusal.code.code(),
        error_message: refusal.message,
    }
}
