//! The end of a log: renamed at once, removed in the background. Shell.

use std::io;
use std::rc::Rc;

use crate::log::{Log, directory};
use crate::tasks;

impl Log {
    /// Deletes the log. When this returns, its name is free; the files go afterwards. Reads under
    /// way keep the memory and the files that they have.
    ///
    /// # Errors
    /// The directory cannot be renamed.
    pub async fn delete(self: Rc<Self>) -> io::Result<()> {
        self.deleted.set(true);
        self.dir.set_removed();
        self.fail("deleted");
        let _maintenance = self.maintenance.enter().await;
        if !self.dir.exists() {
            return Ok(());
        }
        let store = &self.store;
        let renamed = directory::deleted_path(&self.dir.path, crate::clock::now_ms());
        store.ring.rename(&self.dir.path, &renamed).await?;
        store.ring.sync_dir(&store.options.data_dir).await?;
        let ring = store.ring.clone();
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
