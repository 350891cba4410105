//! The end of a log: renamed at once, removed in the background. Shell.

use std::io;
use std::rc::Rc;

use crate::log::Log;
use crate::log::partition_dir::take_name;
use crate::tasks;

impl Log {
    /// Deletes the log. When this returns, its name is free; the files go afterwards. Reads under
    /// way keep the memory and the files that they have.
    ///
    /// # Errors
    /// The directory cannot be renamed.
    pub async fn delete(self: Rc<Self>) -> io::Result<()> {
        self.deleted.set(true);
        self.fail("deleted");
        self.dir.remove().await;
        let _maintenance = self.maintenance.enter().await;
        if !self.dir.exists() {
            return Ok(());
        }
        let ring = self.store.ring.clone();
        let renamed = take_name(&ring, &self.dir.path).await?;
        tasks::spawn(async move {
            if let Err(error) = ring.remove_dir_and_files(&renamed).await {
                tracing::warn!("cannot remove {}: {error}", renamed.display());
            }
        })
        .detach();
        Ok(())
    }

    /// The journal goes on holding entries of this log.
    pub(crate) fn set_dirty(&self) {
        self.state.borrow_mut().listed.dirty = true;
    }
}
