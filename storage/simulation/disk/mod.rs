//! The simulated disk: a file system with directories, a page cache, and a medium that has only
//! what was synced. Pure: it changes when it is told to, and chance is a parameter.
//!
//! What a power cut may leave: of unsynced pages any sectors, of a changed length the old or the
//! new one, of unsynced names (made, renamed, removed) any part. What was synced is there.

pub(crate) mod content;
pub(crate) mod file;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use self::file::File;
use super::random::Random;

/// An error number.
pub(crate) type Errno = i32;

type Names = BTreeMap<String, usize>;

#[derive(Debug)]
enum Node {
    File(Box<File>),
    Directory { now: Names, durable: Names },
}

/// Names that change together, in one directory.
#[derive(Debug)]
struct Change {
    directory: usize,
    names: Vec<(String, Option<usize>)>,
    moment: u64,
}

#[derive(Debug)]
pub(crate) struct Disk {
    nodes: Vec<Node>,
    /// Changes of names that the medium lacks.
    changes: Vec<Change>,
    /// Rises with every operation.
    moment: u64,
    /// Of the simulation, for the age of files.
    pub(crate) now: Duration,
}

const ROOT: usize = 0;

impl Disk {
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![directory()],
            changes: Vec::new(),
            moment: 0,
            now: Duration::ZERO,
        }
    }

    /// The present moment: a sync that begins now covers what has been done by now.
    pub(crate) fn moment(&self) -> u64 {
        self.moment
    }

    pub(crate) fn find(&self, path: &Path) -> Result<usize, Errno> {
        let mut at = ROOT;
        for name in path.iter().skip(1) {
            let name = name.to_str().ok_or(libc::EINVAL)?;
            at = *self.names(at)?.get(name).ok_or(libc::ENOENT)?;
        }
        Ok(at)
    }

    pub(crate) fn list(&self, path: &Path) -> Result<Vec<(String, bool)>, Errno> {
        let names = self.names(self.find(path)?)?;
        let is_dir = |node: usize| matches!(self.nodes[node], Node::Directory { .. });
        let entries = names.iter();
        Ok(entries
            .map(|(name, node)| (name.clone(), is_dir(*node)))
            .collect())
    }

    pub(crate) fn file(&self, node: usize) -> Result<&File, Errno> {
        match &self.nodes[node] {
            Node::File(file) => Ok(file),
            Node::Directory { .. } => Err(libc::EISDIR),
        }
    }

    pub(crate) fn file_mut(&mut self, node: usize) -> Result<&mut File, Errno> {
        self.moment += 1;
        let now = self.now;
        match &mut self.nodes[node] {
            Node::File(file) => {
                file.modified = now;
                Ok(file)
            }
            Node::Directory { .. } => Err(libc::EISDIR),
        }
    }

    pub(crate) fn open(&mut self, path: &Path, flags: i32) -> Result<usize, Errno> {
        match self.find(path) {
            Ok(_) if flags & libc::O_EXCL != 0 => Err(libc::EEXIST),
            Ok(node) => Ok(node),
            Err(libc::ENOENT) if flags & libc::O_CREAT != 0 => {
                let node = self.add(Node::File(Box::default()));
                self.link(path, node)?;
                Ok(node)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn make_dir(&mut self, path: &Path) -> Result<(), Errno> {
        if self.find(path).is_ok() {
            return Err(libc::EEXIST);
        }
        let node = self.add(directory());
        self.link(path, node)
    }

    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Errno> {
        let node = self.find(from)?;
        let directory = self.parent(from)?;
        assert_eq!(
            directory,
            self.parent(to)?,
            "renamed into another directory"
        );
        self.change(
            directory,
            vec![(name(from)?, None), (name(to)?, Some(node))],
        )
    }

    pub(crate) fn unlink(&mut self, path: &Path, directory: bool) -> Result<(), Errno> {
        match &self.nodes[self.find(path)?] {
            Node::Directory { now, .. } if directory && !now.is_empty() => Err(libc::ENOTEMPTY),
            Node::Directory { .. } if !directory => Err(libc::EISDIR),
            Node::File(_) if directory => Err(libc::ENOTDIR),
            Node::File(_) | Node::Directory { .. } => {
                self.change(self.parent(path)?, vec![(name(path)?, None)])
            }
        }
    }

    /// A sync that began at `moment`.
    pub(crate) fn sync(&mut self, node: usize, moment: u64, random: &mut Random) {
        if let Node::File(file) = &mut self.nodes[node] {
            file.sync(moment, random);
            return;
        }
        let (synced, left) = std::mem::take(&mut self.changes)
            .into_iter()
            .partition(|change| change.directory == node && change.moment <= moment);
        self.changes = left;
        self.keep(synced);
    }

    pub(crate) fn sync_failed(&mut self, node: usize, random: &mut Random) {
        if let Node::File(file) = &mut self.nodes[node] {
            file.sync_failed(random);
        }
    }

    /// Cuts the power.
    pub(crate) fn lose_power(&mut self, random: &mut Random) {
        let mut changes = std::mem::take(&mut self.changes);
        if random.chance(500) {
            // A journaling file system: everything up to some change.
            changes.truncate(usize::try_from(random.below(changes.len() as u64 + 1)).unwrap());
        } else {
            changes.retain(|_| random.chance(500));
        }
        self.keep(changes);
        for node in &mut self.nodes {
            match node {
                Node::File(file) => file.lose_power(random),
                Node::Directory { now, durable } => now.clone_from(durable),
            }
        }
    }

    /// Kills the process.
    pub(crate) fn lose_process(&mut self) {
        for node in &mut self.nodes {
            if let Node::File(file) = node {
                file.lose_process();
            }
        }
    }

    /// Every file that has a name, with its path.
    pub(crate) fn files(&self) -> Vec<(String, usize)> {
        let mut files = Vec::new();
        let mut directories = vec![(String::new(), ROOT)];
        while let Some((path, node)) = directories.pop() {
            for (name, node) in self.names(node).unwrap() {
                let path = format!("{path}/{name}");
                match self.nodes[*node] {
                    Node::File(_) => files.push((path, *node)),
                    Node::Directory { .. } => directories.push((path, *node)),
                }
            }
        }
        files.sort();
        files
    }

    fn keep(&mut self, changes: Vec<Change>) {
        for change in changes {
            if let Node::Directory { durable, .. } = &mut self.nodes[change.directory] {
                change
                    .names
                    .into_iter()
                    .for_each(|(name, node)| set(durable, name, node));
            }
        }
    }

    fn names(&self, node: usize) -> Result<&Names, Errno> {
        match &self.nodes[node] {
            Node::Directory { now, .. } => Ok(now),
            Node::File(_) => Err(libc::ENOTDIR),
        }
    }

    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn parent(&self, path: &Path) -> Result<usize, Errno> {
        self.find(path.parent().ok_or(libc::EINVAL)?)
    }

    fn link(&mut self, path: &Path, node: usize) -> Result<(), Errno> {
        self.change(self.parent(path)?, vec![(name(path)?, Some(node))])
    }

    fn change(
        &mut self,
        directory: usize,
        names: Vec<(String, Option<usize>)>,
    ) -> Result<(), Errno> {
        let Node::Directory { now, .. } = &mut self.nodes[directory] else {
            return Err(libc::ENOTDIR);
        };
        for (name, node) in &names {
            set(now, name.clone(), *node);
        }
        self.moment += 1;
        self.changes.push(Change {
            directory,
            names,
            moment: self.moment,
        });
        Ok(())
    }
}

fn directory() -> Node {
    Node::Directory {
        now: Names::new(),
        durable: Names::new(),
    }
}

fn set(names: &mut Names, name: String, node: Option<usize>) {
    match node {
        Some(node) => names.insert(name, node),
        None => names.remove(&name),
    };
}

fn name(path: &Path) -> Result<String, Errno> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or(libc::EINVAL)
}
