//! The effective settings of the topics that this shard meets, kept until the image changes.

use std::cell::RefCell;
use std::rc::Rc;

use foldhash::HashMap;
use protocol::types::Uuid;

use crate::config::topic::TopicConfig;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct TopicConfigs {
    known: RefCell<HashMap<Uuid, Rc<TopicConfig>>>,
}

impl TopicConfigs {
    /// The settings of a topic, worked out by `effective` when they are not known.
    pub(crate) fn of(
        &self,
        topic: Uuid,
        effective: impl FnOnce() -> TopicConfig,
    ) -> Rc<TopicConfig> {
        let mut known = self.known.borrow_mut();
        Rc::clone(known.entry(topic).or_insert_with(|| Rc::new(effective())))
    }

    /// The image has changed.
    pub(crate) fn forget(&self) {
        self.known.borrow_mut().clear();
    }
}
