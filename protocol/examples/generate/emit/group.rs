//! The Rust text of the modules that list the messages, and of the enum of metadata records. Pure.

use std::fmt::Write as _;

use super::super::tree::Source;
use super::snake_case;

/// The `mod.rs` of a folder of messages.
pub(crate) fn group(group: &str, sources: &[&Source]) -> String {
    let mut modules: Vec<String> = sources
        .iter()
        .flat_map(|source| &source.messages)
        .map(|message| snake_case(message.name()))
        .collect();
    let (title, lints) = match group {
        "" => ("Every message of the protocol", MESSAGE_LINTS),
        "metadata" => ("The records of the cluster metadata log", ""),
        "coordinator" => (
            "The records of the group, share and transaction state topics",
            "",
        ),
        _ => (
            "Values inside other messages and inside control records",
            "",
        ),
    };
    if group.is_empty() {
        modules.extend(["coordinator", "data", "metadata"].map(str::to_owned));
    }
    modules.sort();
    let mut text = format!("//! Generated from the schemas; do not edit. {title}.\n\n{lints}");
    for module in modules {
        text += &format!("pub mod {module};\n");
    }
    if group == "metadata" {
        text += &record_enum(sources);
    }
    text
}

/// Suppressions for all generated modules.
const MESSAGE_LINTS: &str = "\
#![expect(
    clippy::field_reassign_with_default,
    clippy::too_many_lines,
    reason = \"generated: the shape follows the schemas, and one form of code serves all of them\"
)]

";

/// One enum over all metadata records, since the log holds them mixed.
fn record_enum(sources: &[&Source]) -> String {
    let records: Vec<(&str, &str)> = sources
        .iter()
        .flat_map(|source| &source.messages)
        .map(|message| (message.name().trim_end_matches("Record"), message.name()))
        .collect();
    let list = |line: &dyn Fn(&str, &str) -> String| -> String {
        records
            .iter()
            .map(|(variant, name)| line(variant, name))
            .collect()
    };
    let mut text = String::from(
        "\nuse crate::api_key::VersionRange;\n\
         use crate::codec::{DecodeError, Message, Reader, Writer};\n\n",
    );
    text += &list(&|_, name| format!("use {}::{name};\n", snake_case(name)));
    let _ = write!(
        text,
        "\n/// A record of the cluster metadata log.\n\
         #[derive(Debug, Clone, PartialEq)]\npub enum MetadataRecord {{\n{}}}\n",
        list(&|variant, name| format!("{variant}({name}),\n"))
    );
    let _ = write!(
        text,
        "\nimpl MetadataRecord {{\n/// The number of the record type.\n\
         pub fn record_type(&self) -> i16 {{\nmatch self {{\n{}}}\n}}\n",
        list(&|variant, name| format!("Self::{variant}(_) => {name}::TYPE,\n"))
    );
    let _ = write!(
        text,
        "\n/// The versions of the record's schema.\n\
         pub fn versions(&self) -> VersionRange {{\nmatch self {{\n{}}}\n}}\n",
        list(&|variant, name| format!("Self::{variant}(_) => {name}::VERSIONS,\n"))
    );
    let _ = write!(
        text,
        "\n/// Reads a record of this type and version.\n///\n/// # Errors\n\
         /// The type or the version is unknown, or the bytes are not such a record.\n\
         pub fn decode(record_type: i16, version: i16, reader: &mut Reader) \
         -> Result<Self, DecodeError> {{\nmatch record_type {{\n{}\
         _ => Err(DecodeError::UnknownRecordType(record_type)),\n}}\n}}\n",
        list(&|variant, name| format!(
            "{name}::TYPE => {name}::decode(reader, version).map(Self::{variant}),\n"
        ))
    );
    let _ = write!(
        text,
        "\n/// Appends the record's body; type and version are the caller's to write.\n///\n\
         /// # Panics\n/// The version is not one of the schema's.\n\
         pub fn encode(&self, writer: &mut Writer, version: i16) {{\nmatch self {{\n{}}}\n}}\n}}\n",
        list(&|variant, _| format!("Self::{variant}(record) => record.encode(writer, version),\n"))
    );
    text
}
