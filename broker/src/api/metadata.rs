//! `Metadata` (3), versions 0-13: the brokers and topics, and the creation of topics on first use.
//!
//! A topic that is missing and may be created is created before the answer, so the first answer
//! already names its leader and a client need not ask again.

use std::rc::Rc;

use protocol::messages::create_topics_request::{CreatableTopic, CreateTopicsRequest};
use protocol::messages::metadata_request::MetadataRequest;

use crate::api::{Call, CloseReason, Outcome};
use crate::control::ControlRequest;
use crate::metadata::describe_topics::{describe_topics, missing_topics};
use crate::shard::Shard;

/// Topics that one request may create; what is beyond is answered as unknown, and asked again.
const TOPICS_CREATED_MAX: usize = 100;
/// Stands for the broker's default.
const DEFAULT: i8 = -1;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: MetadataRequest = call.request()?;
    let shard = &call.connection.shard;
    if shard.settings.topics.auto_create {
        create_missing(shard, &request).await;
    }
    let version = call.header.api_version;
    let response = describe_topics(&shard.image(), &request, version, call.describe_context());
    Ok(call.respond(&response))
}

async fn create_missing(shard: &Rc<Shard>, request: &MetadataRequest) {
    let image = shard.image();
    let mut missing = missing_topics(&image, request);
    missing.truncate(TOPICS_CREATED_MAX);
    if missing.is_empty() {
        return;
    }
    let topics = missing.iter().map(|name| CreatableTopic {
        name: (*name).to_owned(),
        num_partitions: i32::from(DEFAULT),
        replication_factor: i16::from(DEFAULT),
        ..Default::default()
    });
    let create = CreateTopicsRequest {
        topics: topics.collect(),
        ..Default::default()
    };
    let (count, first) = (missing.len(), missing[0]);
    tracing::info!(
        count,
        first,
        "creating topics on first use, with the broker's defaults"
    );
    // whether it worked shows in the image that the answer is made from
    drop(
        shard
            .ask_controller(ControlRequest::CreateTopics(create))
            .await,
    );
}
