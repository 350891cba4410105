//! The Rust text of one message. Pure.

mod decode;
mod definition;
mod encode;
mod group;
mod statements;

pub(crate) use group::group;

use super::layout;
use super::schema::{Field, Kind, Message, Struct, Versions};

/// How a structure's versions lie to a property of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    Never,
    Sometimes,
}

impl When {
    fn of(property: Versions, reach: Versions) -> Self {
        if property.covers(reach) {
            Self::Always
        } else if property.intersect(reach).is_empty() {
            Self::Never
        } else {
            Self::Sometimes
        }
    }
}

/// One structure with what its code needs to know.
#[derive(Clone, Copy)]
struct Scope<'a> {
    message: &'a Message,
    structure: &'a Struct,
    reach: Versions,
    flexible: When,
    /// Whether the code is for the value of a tagged field.
    in_tag: bool,
}

impl<'a> Scope<'a> {
    fn new(message: &'a Message, structure: &'a Struct) -> Self {
        let reach = layout::reach(message, &structure.name);
        let flexible = When::of(message.flexible, reach);
        Self {
            message,
            structure,
            reach,
            flexible,
            in_tag: false,
        }
    }

    /// The fields that occur in any version.
    fn fields(&self) -> impl Iterator<Item = &'a Field> + use<'a> {
        let reach = self.reach;
        let occurs = move |field: &&Field| When::of(field.versions, reach) != When::Never;
        self.structure.fields.iter().filter(occurs)
    }

    fn is_message(&self) -> bool {
        self.structure.name == self.message.name()
    }

    /// The same for the value of a tagged field, which only flexible versions have.
    fn in_tag(self) -> Self {
        Self {
            flexible: When::Always,
            in_tag: true,
            ..self
        }
    }

    /// The method for a structure that may be null.
    fn nullable_struct(&self) -> &'static str {
        if self.in_tag {
            "nullable_tagged_struct"
        } else {
            "nullable_struct"
        }
    }

    /// What the code passes for `flexible`.
    fn flexible_argument(&self) -> &'static str {
        match self.flexible {
            When::Always => "true",
            When::Never => "false",
            When::Sometimes => "flexible",
        }
    }
}

/// `OffsetForLeaderEpoch` to `offset_for_leader_epoch`.
pub(crate) fn snake_case(name: &str) -> String {
    let name = name.replace("KRaft", "Kraft");
    let mut text = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(character.to_lowercase());
    }
    text
}

/// The module of one message.
pub(crate) fn message(message: &Message, file: &str) -> String {
    let mut body = String::new();
    for structure in &message.structs {
        let scope = Scope::new(message, structure);
        body += &definition::definition(&scope);
        body += &implementation(&scope);
    }
    body += &identity(message);
    let mut text = format!("//! Generated from `schemas/{file}`; do not edit.\n\n");
    if body.contains("Bytes>") || body.contains(": Bytes") {
        text += "use bytes::Bytes;\n\n";
    }
    let key = if message.kind == Kind::Request {
        "ApiKey, "
    } else {
        ""
    };
    let request = if message.kind == Kind::Request {
        ", Request"
    } else {
        ""
    };
    text += &format!("use crate::api_key::{{{key}VersionRange}};\n");
    text += &format!("use crate::codec::{{DecodeError, Message, Reader{request}, Writer}};\n");
    if body.contains("Uuid") {
        text += "use crate::types::Uuid;\n";
    }
    text + &body
}

/// What ties the message to its API or record type.
fn identity(message: &Message) -> String {
    let name = message.name();
    let Some(id) = message.id else {
        return String::new();
    };
    match message.kind {
        Kind::Request => {
            let api = name.strip_suffix("Request").unwrap_or(name);
            let module = snake_case(&format!("{api}Response"));
            format!(
                "\nimpl Request for {name} {{\n\
                 const KEY: ApiKey = ApiKey::{api};\n\
                 type Response = super::{module}::{api}Response;\n}}\n"
            )
        }
        Kind::Record | Kind::Key | Kind::Value => format!(
            "\nimpl {name} {{\n/// The number of the record type.\n\
             pub const TYPE: i16 = {id};\n}}\n"
        ),
        Kind::Response | Kind::Data => String::new(),
    }
}

/// Decoding and encoding of one structure.
fn implementation(scope: &Scope<'_>) -> String {
    let name = &scope.structure.name;
    let Versions { first, last } = scope.reach;
    let (head, visible, refuse, insist) = if scope.is_message() {
        (
            format!(
                "impl Message for {name} {{\n\
                 const VERSIONS: VersionRange = VersionRange {{ min: {first}, max: {last} }};\n\n"
            ),
            "",
            "if !Self::VERSIONS.contains(version) {\n\
             return Err(DecodeError::UnsupportedVersion(version));\n}\n",
            "assert!(Self::VERSIONS.contains(version), \"version {version}\");\n",
        )
    } else {
        (format!("impl {name} {{\n"), "", "", "")
    };
    let flexible = match scope.flexible {
        When::Sometimes => format!(
            "let flexible = {};\n",
            condition(scope.message.flexible, scope.reach)
        ),
        When::Always | When::Never => String::new(),
    };
    let mut decode = refuse.to_owned() + &flexible + &decode::decode(scope);
    let mut encode = insist.to_owned() + &flexible + &encode::encode(scope);
    if scope.flexible == When::Sometimes {
        // the flag may be needed by neither, when there are only fixed fields and no tags
        for body in [&mut decode, &mut encode] {
            if !mentions(&body.replacen(&flexible, "", 1), "flexible") {
                *body = body.replacen(&flexible, "", 1);
            }
        }
    }
    let unused = |body: &str, name: &str| if mentions(body, name) { "" } else { "_" };
    let (v, w) = (unused(&decode, "version"), unused(&encode, "version"));
    let (r, o) = (unused(&decode, "reader"), unused(&encode, "writer"));
    format!(
        "\n{head}{visible}fn decode({r}reader: &mut Reader, {v}version: i16) -> \
         Result<Self, DecodeError> {{\n{decode}}}\n\n\
         {visible}fn encode(&self, {o}writer: &mut Writer, {w}version: i16) {{\n{encode}}}\n}}\n"
    )
}

/// True when the word stands in the text, other than as a part or as a field.
fn mentions(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || "_.".contains(character);
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(|next| next != '.' && is_part(next))
    })
}

/// The condition under which a version that is within `reach` is also in `versions`.
fn condition(versions: Versions, reach: Versions) -> String {
    let inner = versions.intersect(reach);
    match (inner.first == reach.first, inner.last == reach.last) {
        (_, true) => format!("version >= {}", inner.first),
        (false, false) if inner.first == inner.last => format!("version == {}", inner.first),
        (true, false) => format!("version <= {}", inner.last),
        (false, false) => format!("({}..={}).contains(&version)", inner.first, inner.last),
    }
}
