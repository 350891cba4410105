//! The internal topics, made when the first group or transactional id asks for its coordinator.
//! Shell: the controller creates them, with Kafka's settings.

use std::rc::Rc;
use std::sync::Arc;

use protocol::messages::create_topics_request::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};

use crate::config::internal_topics::InternalTopic;
use crate::control::{ControlRequest, ControlResponse};
use crate::metadata::image::TopicImage;
use crate::shard::Shard;

/// The internal topic, created if it does not exist; `None` when the controller cannot do it now.
pub(crate) async fn ensure(shard: &Rc<Shard>, wanted: &InternalTopic) -> Option<Arc<TopicImage>> {
    if let Some(topic) = shard.image().topic(wanted.name) {
        return Some(Arc::clone(topic));
    }
    let usable = i16::try_from(shard.image().usable_brokers().count()).unwrap_or(i16::MAX);
    let configs = wanted
        .configs
        .iter()
        .map(|(name, value)| CreatableTopicConfig {
            name: (*name).to_owned(),
            value: Some(value.clone()),
        });
    let topic = CreatableTopic {
        name: wanted.name.to_owned(),
        num_partitions: wanted.partitions,
        replication_factor: wanted.replication_factor(usable),
        configs: configs.collect(),
        ..Default::default()
    };
    let request = CreateTopicsRequest {
        topics: vec![topic],
        ..Default::default()
    };
    let answer = shard
        .ask_controller(ControlRequest::CreateTopics(request))
        .await;
    if let ControlResponse::CreateTopics(response) = answer {
        for refused in response.topics.iter().filter(|topic| topic.error_code != 0) {
            let (topic, message) = (&refused.name, refused.error_message.as_deref());
            tracing::debug!(%topic, message, "an internal topic was not created");
        }
    }
    // another shard may have been faster
    shard.image().topic(wanted.name).map(Arc::clone)
}
