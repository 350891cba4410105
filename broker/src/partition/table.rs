//! The partitions that one shard owns and has opened, and those of others known to be open. Shell.
//!
//! A partition is opened when it is first asked for, so a broker with many partitions starts at
//! once. Whoever asks while it is being opened waits for the same opening. `known_open` spares the
//! question to the owner: appends to another shard's partition are only sent once it is open, and
//! then run there in the order sent.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Poll, Waker};

use foldhash::{HashMap, HashSet};
use protocol::error_code::ErrorCode;
use protocol::types::Uuid;

use crate::partition::Partition;

/// A partition's identity: topics can be deleted and made again under the same name.
pub(crate) type PartitionId = (Uuid, i32);

#[derive(Debug)]
enum Entry {
    Opening(Vec<Waker>),
    Open(Rc<Partition>),
    Failed,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct PartitionTable {
    entries: RefCell<HashMap<PartitionId, Entry>>,
    known_open: RefCell<HashSet<PartitionId>>,
}

impl PartitionTable {
    /// The partition, if it is open here.
    pub(crate) fn get(&self, id: PartitionId) -> Option<Rc<Partition>> {
        match self.entries.borrow().get(&id) {
            Some(Entry::Open(partition)) => Some(Rc::clone(partition)),
            Some(Entry::Opening(_) | Entry::Failed) | None => None,
        }
    }

    /// Every partition that is open here.
    pub(crate) fn all_open(&self) -> Vec<(PartitionId, Rc<Partition>)> {
        let entries = self.entries.borrow();
        let open = entries.iter().filter_map(|(id, entry)| match entry {
            Entry::Open(partition) => Some((*id, Rc::clone(partition))),
            Entry::Opening(_) | Entry::Failed => None,
        });
        open.collect()
    }

    /// Notes that a partition is being opened; `false` when that is under way or done already.
    pub(crate) fn begin_opening(&self, id: PartitionId) -> bool {
        let mut entries = self.entries.borrow_mut();
        let absent = !entries.contains_key(&id);
        if absent {
            entries.insert(id, Entry::Opening(Vec::new()));
        }
        absent
    }

    /// The partition, once its opening is over.
    ///
    /// # Errors
    /// `KAFKA_STORAGE_ERROR`: it could not be opened; it stays out of service until a restart.
    pub(crate) async fn opened(&self, id: PartitionId) -> Result<Rc<Partition>, ErrorCode> {
        std::future::poll_fn(|context| match self.entries.borrow_mut().get_mut(&id) {
            Some(Entry::Open(partition)) => Poll::Ready(Ok(Rc::clone(partition))),
            Some(Entry::Opening(waiters)) => {
                waiters.push(context.waker().clone());
                Poll::Pending
            }
            Some(Entry::Failed) => Poll::Ready(Err(ErrorCode::KafkaStorageError)),
            None => Poll::Ready(Err(ErrorCode::UnknownTopicOrPartition)), // deleted meanwhile
        })
        .await
    }

    /// Ends an opening: the partition, or `None` when it failed.
    pub(crate) fn settle(&self, id: PartitionId, opened: Option<Partition>) {
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.get_mut(&id) else {
            return;
        };
        let settled = opened.map_or(Entry::Failed, |partition| Entry::Open(Rc::new(partition)));
        if let Entry::Opening(waiters) = std::mem::replace(entry, settled) {
            waiters.into_iter().for_each(Waker::wake);
        }
    }

    /// Takes a partition out, as its topic is deleted.
    pub(crate) fn remove(&self, id: PartitionId) -> Option<Rc<Partition>> {
        self.known_open.borrow_mut().remove(&id);
        match self.entries.borrow_mut().remove(&id)? {
            Entry::Open(partition) => Some(partition),
            Entry::Opening(waiters) => {
                waiters.into_iter().for_each(Waker::wake);
                None
            }
            Entry::Failed => None,
        }
    }

    pub(crate) fn is_known_open(&self, id: PartitionId) -> bool {
        self.known_open.borrow().contains(&id)
    }

    pub(crate) fn note_open(&self, id: PartitionId) {
        self.known_open.borrow_mut().insert(id);
    }
}
