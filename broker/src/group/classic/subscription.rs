//! What the members of a consumer group read, from the metadata of their protocol. Pure.

use std::collections::BTreeSet;

use protocol::codec::{Message, Reader};
use protocol::messages::data::consumer_protocol_subscription::ConsumerProtocolSubscription;

use super::{CONSUMER_PROTOCOL, ClassicGroup};

impl ClassicGroup {
    pub(crate) fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL)
    }

    /// Whether members read this topic; yes when consumers say it in a form that is not known.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed {
            Some(topics) => topics.contains(topic),
            None => self.is_of_consumers(),
        }
    }

    /// All topics of this generation's members; `None` when they are no consumers, or one's
    /// metadata cannot be read.
    pub(super) fn subscription(&self) -> Option<BTreeSet<String>> {
        if !self.is_of_consumers() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_deref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            let mut reader = Reader::new(member.metadata(Some(protocol)));
            let version = reader.i16().ok()?;
            let newest = ConsumerProtocolSubscription::VERSIONS.max;
            let read = ConsumerProtocolSubscription::decode(&mut reader, version.min(newest));
            topics.extend(read.ok()?.topics);
        }
        Some(topics)
    }
}
