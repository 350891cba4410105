//! Client metrics (KIP-714): which clients are asked for what, and how often each may send it. What
//! they send is checked and dropped; nothing shows it yet.

pub(crate) mod instances;
pub(crate) mod subscriptions;

use std::cell::RefCell;
use std::rc::Rc;

use crate::metadata::image::ClusterImage;
use crate::telemetry::instances::ClientInstances;
use crate::telemetry::subscriptions::Subscriptions;

/// What one shard knows; a client that comes to another shard starts anew there.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    pub(crate) instances: RefCell<ClientInstances>,
    subscriptions: RefCell<Option<Rc<Subscriptions>>>,
}

impl Telemetry {
    /// The subscriptions of this image, read once.
    pub(crate) fn subscriptions(&self, image: &ClusterImage) -> Rc<Subscriptions> {
        let mut known = self.subscriptions.borrow_mut();
        Rc::clone(known.get_or_insert_with(|| Rc::new(Subscriptions::read(&image.configs))))
    }

    /// The image has changed.
    pub(crate) fn forget(&self) {
        *self.subscriptions.borrow_mut() = None;
    }
}
