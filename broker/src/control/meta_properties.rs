//! `meta.properties`: which cluster and which node a data directory belongs to, as Kafka writes it.
//! Owns the file's text. Pure but for `load` and `store`.

use std::fs;
use std::io;
use std::path::Path;

use protocol::types::Uuid;
use storage::durable_file;

const FILE: &str = "meta.properties";

#[derive(Debug, thiserror::Error)]
pub(crate) enum MetaPropertiesError {
    #[error("cannot read or write {FILE}: {0}")]
    Io(#[from] io::Error),
    #[error("{FILE} has no usable {key}")]
    Missing { key: &'static str },
    #[error("{FILE} has version {version}, this release knows version 1")]
    Version { version: String },
    #[error("data directory belongs to node {found}, but this node is {expected}")]
    OtherNode { found: i32, expected: i32 },
    #[error("data directory belongs to cluster {found}, but the configured cluster is {expected}")]
    OtherCluster { found: String, expected: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetaProperties {
    pub(crate) cluster_id: String,
    pub(crate) node_id: i32,
    pub(crate) directory_id: Uuid,
}

impl MetaProperties {
    /// The directory's own, or `None` in a directory that was never used.
    ///
    /// # Errors
    /// The file cannot be read, or does not say what it must.
    pub(crate) fn load(data_dir: &Path) -> Result<Option<Self>, MetaPropertiesError> {
        match fs::read_to_string(data_dir.join(FILE)) {
            Ok(text) => Self::parse(&text).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn store(&self, data_dir: &Path) -> Result<(), MetaPropertiesError> {
        Ok(durable_file::replace(
            data_dir,
            FILE,
            self.to_text().as_bytes(),
        )?)
    }

    /// Whether a node with this id, and this cluster if one is configured, may use the directory.
    pub(crate) fn check(
        &self,
        node_id: i32,
        cluster_id: Option<&str>,
    ) -> Result<(), MetaPropertiesError> {
        if self.node_id != node_id {
            let found = self.node_id;
            return Err(MetaPropertiesError::OtherNode {
                found,
                expected: node_id,
            });
        }
        match cluster_id {
            Some(expected) if expected != self.cluster_id => {
                let (found, expected) = (self.cluster_id.clone(), expected.to_owned());
                Err(MetaPropertiesError::OtherCluster { found, expected })
            }
            _ => Ok(()),
        }
    }

    fn to_text(&self) -> String {
        let Self {
            cluster_id,
            node_id,
            directory_id,
        } = self;
        format!(
            "#\nversion=1\ncluster.id={cluster_id}\nnode.id={node_id}\ndirectory.id={directory_id}\n"
        )
    }

    fn parse(text: &str) -> Result<Self, MetaPropertiesError> {
        let value = |key: &'static str| {
            text.lines()
                .filter_map(|line| line.split_once('='))
                .find(|(name, _)| name.trim() == key)
                .map(|(_, value)| value.trim())
                .filter(|value| !value.is_empty())
                .ok_or(MetaPropertiesError::Missing { key })
        };
        match value("version")? {
            "1" => {}
            version => {
                return Err(MetaPropertiesError::Version {
                    version: version.to_owned(),
                });
            }
        }
        let missing = |key: &'static str| MetaPropertiesError::Missing { key };
        Ok(Self {
            cluster_id: value("cluster.id")?.to_owned(),
            node_id: value("node.id")?.parse().map_err(|_| missing("node.id"))?,
            directory_id: value("directory.id")?
                .parse()
                .map_err(|_| missing("directory.id"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_by_kafka_is_read() {
        let text = "#\n#Mon Nov 23 06:49:32 UTC 2026\nnode.id=1\ndirectory.id=TA1X_UZL07r3QCn1n0--5Q\n\
                    version=1\ncluster.id=GEarJm2ORSiAQ4JHCEUwwA\n";
        let read = MetaProperties::parse(text).unwrap();
        assert_eq!(
            (read.node_id, read.cluster_id.as_str()),
            (1, "GEarJm2ORSiAQ4JHCEUwwA")
        );
        assert_eq!(MetaProperties::parse(&read.to_text()).unwrap(), read);
    }

    #[test]
    fn a_directory_of_another_node_or_cluster_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert!(MetaProperties::load(directory.path()).unwrap().is_none());
        let own = MetaProperties {
            cluster_id: String::from("c"),
            node_id: 1,
            directory_id: Uuid::from_u128(5),
        };
        own.store(directory.path()).unwrap();
        let read = MetaProperties::load(directory.path()).unwrap().unwrap();
        assert_eq!(read, own);
        assert!(read.check(1, None).is_ok() && read.check(1, Some("c")).is_ok());
        assert!(read.check(2, None).is_err() && read.check(1, Some("d")).is_err());
    }
}
