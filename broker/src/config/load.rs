//! Reads the configuration from where it is: files, environment, command line. Shell: files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::effective::{Machine, Settings};
use super::environment;
use super::layers::{Given, Layer, Layers};
use super::problem::{ConfigError, Notice, Place};
use super::properties;

/// Where container images of Kafka mount a file.
pub(crate) const MOUNTED_FILE: &str = "/mnt/shared/config/server.properties";

/// A configuration is text by hand; more is another file by mistake.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One value from the command line, later ones first to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) flag: &'static str,
}

/// What the configuration is made of.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    pub(crate) file: Option<PathBuf>,
    /// Read when it exists.
    pub(crate) mounted_file: PathBuf,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) overrides: Vec<Override>,
}

/// Reads, checks and resolves: command line over environment over the file given over the mounted
/// file over defaults.
///
/// # Errors
/// A file that cannot be read, or every problem with its values.
pub(crate) fn load(
    inputs: &Inputs,
    machine: &Machine,
) -> Result<(Settings, Vec<Notice>), ConfigError> {
    let mut layers = Layers::default();
    match read_file(&inputs.mounted_file) {
        Err(ConfigError::Unreadable { source, .. })
            if source.kind() == io::ErrorKind::NotFound
                || source.kind() == io::ErrorKind::NotADirectory => {}
        text => add_file(
            &mut layers,
            Layer::MountedFile,
            &inputs.mounted_file,
            &text?,
        ),
    }
    if let Some(file) = &inputs.file {
        add_file(&mut layers, Layer::File, file, &read_file(file)?);
    }
    for assignment in environment::assignments(&inputs.environment) {
        let place = Place::Environment(assignment.variable);
        let (layer, text) = (Layer::Environment, assignment.value);
        layers.add(&assignment.name, Given { layer, text, place });
    }
    for Override { name, value, flag } in &inputs.overrides {
        let (layer, text, place) = (Layer::CommandLine, value.clone(), Place::CommandLine(flag));
        layers.add(name, Given { layer, text, place });
    }
    Settings::resolve(layers, machine).map_err(ConfigError::Invalid)
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes > FILE_BYTES_MAX {
        let (path, bytes_max) = (path.to_owned(), FILE_BYTES_MAX);
        return Err(ConfigError::TooLong {
            path,
            bytes,
            bytes_max,
        });
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn add_file(layers: &mut Layers, layer: Layer, path: &Path, text: &str) {
    let path: Arc<str> = path.to_string_lossy().into();
    for property in properties::parse(text) {
        let place = Place::File {
            path: Arc::clone(&path),
            line: property.line,
        };
        layers.add(
            &property.name,
            Given {
                layer,
                text: property.value,
                place,
            },
        );
    }
}
