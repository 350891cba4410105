//! The files: reads every schema, writes every module, and has rustfmt format them.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::emit::{self, snake_case};
use super::schema::{self, Kind, Message};

/// The folders of schemas below the root, and of modules below `messages`.
const GROUPS: [&str; 4] = ["", "coordinator", "data", "metadata"];

/// One schema file.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) group: &'static str,
    pub(crate) file: String,
    pub(crate) messages: Vec<Message>,
}

/// Reads all schemas, in the order of their file names.
pub(crate) fn read_all(schemas: &Path) -> Result<Vec<Source>, Box<dyn Error>> {
    let mut sources = Vec::new();
    for group in GROUPS {
        let mut files = Vec::new();
        for entry in fs::read_dir(schemas.join(group))? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "schema")
            {
                files.push(path);
            }
        }
        files.sort();
        for path in files {
            let messages = schema::parse(&fs::read_to_string(&path)?)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let file = if group.is_empty() {
                name.into_owned()
            } else {
                format!("{group}/{name}")
            };
            sources.push(Source {
                group,
                file,
                messages,
            });
        }
    }
    Ok(sources)
}

/// Writes `src/messages` and the tests' table of messages below `root`.
pub(crate) fn write_all(schemas: &Path, root: &Path) -> Result<(), Box<dyn Error>> {
    let sources = read_all(schemas)?;
    let messages = root.join("src/messages");
    if messages.exists() {
        fs::remove_dir_all(&messages)?;
    }
    let mut written = Vec::new();
    for group in GROUPS {
        let folder = messages.join(group);
        fs::create_dir_all(&folder)?;
        let members: Vec<&Source> = sources
            .iter()
            .filter(|source| source.group == group)
            .collect();
        for source in &members {
            for message in &source.messages {
                let path = folder.join(snake_case(message.name())).with_extension("rs");
                fs::write(path, emit::message(message, &source.file))?;
            }
        }
        fs::write(folder.join("mod.rs"), emit::group(group, &members))?;
    }
    written.push(messages.join("mod.rs"));
    let table = root.join("tests/wire/table.rs");
    fs::create_dir_all(root.join("tests/wire"))?;
    fs::write(&table, self::table(&sources)?)?;
    written.push(table);
    format(&written)
}

fn table(sources: &[Source]) -> Result<String, Box<dyn Error>> {
    let mut text = String::from(
        "//! Generated from the schemas; do not edit. Every message, for the tests.\n\n\
         use protocol::messages;\n\nuse crate::codec::Codec;\n\npub(crate) const CODECS: &[Codec] = &[\n",
    );
    for source in sources {
        for message in &source.messages {
            let name = message.name();
            let group = if source.group.is_empty() { "" } else { "::" };
            let module = snake_case(name);
            let path = format!("messages{group}{}::{module}::{name}", source.group);
            let make = if message.kind == Kind::Request {
                "request"
            } else {
                "of"
            };
            writeln!(text, "Codec::{make}::<{path}>(\"{name}\"),")?;
        }
    }
    text.push_str("];\n");
    Ok(text)
}

/// Formats the files and the modules that they declare.
fn format(files: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.rustfmt.toml");
    let mut rustfmt = Command::new("rustfmt");
    rustfmt
        .args(["--edition", "2024", "--config-path"])
        .arg(config)
        .args(files);
    if rustfmt.status()?.success() {
        Ok(())
    } else {
        Err("rustfmt failed".into())
    }
}
