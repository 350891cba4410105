//! The schema text: its model and its parser. Pure.
//!
//! A message is one head line and a line for each field, nested by indentation:
//! `name type versions [nullable V] [tag N] [tagged V] [default D] [ignorable]`.
//! `struct Name V` begins a structure that several fields share.

use std::fmt;

/// A run of versions; empty when the first is above the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) first: i16,
    pub(crate) last: i16,
}

impl Versions {
    pub(crate) const NONE: Self = Self { first: 0, last: -1 };

    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::NONE);
        }
        if let Some(first) = text.strip_suffix('+') {
            return Some(Self {
                first: first.parse().ok()?,
                last: i16::MAX,
            });
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some(Self {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
        })
    }

    pub(crate) fn is_empty(self) -> bool {
        self.first > self.last
    }

    pub(crate) fn contains(self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }

    pub(crate) fn covers(self, other: Self) -> bool {
        other.is_empty() || (self.first <= other.first && other.last <= self.last)
    }

    pub(crate) fn intersect(self, other: Self) -> Self {
        Self {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        }
    }

    /// The smallest run that covers both.
    pub(crate) fn hull(self, other: Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Self {
                first: self.first.min(other.first),
                last: self.last.max(other.last),
            },
        }
    }
}

/// What stands before a message's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
    Record,
    Data,
    Key,
    Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Primitive {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint16,
    Float64,
    Uuid,
    String,
    Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Primitive(Primitive),
    Struct(String),
    Array(Box<Self>),
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) versions: Versions,
    pub(crate) nullable: Versions,
    pub(crate) tag: Option<u32>,
    pub(crate) tagged: Versions,
    pub(crate) default: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Struct {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

/// One message; the first structure is the message itself.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) id: Option<i16>,
    pub(crate) versions: Versions,
    pub(crate) flexible: Versions,
    /// The version that is not served unless asked for.
    pub(crate) unstable: Option<i16>,
    pub(crate) structs: Vec<Struct>,
}

impl Message {
    pub(crate) fn name(&self) -> &str {
        &self.structs[0].name
    }

    pub(crate) fn structure(&self, name: &str) -> &Struct {
        let found = self.structs.iter().find(|structure| structure.name == name);
        assert!(found.is_some(), "{}: no structure {name}", self.name());
        found.unwrap_or(&self.structs[0])
    }
}

/// A line that is no schema.
#[derive(Debug)]
pub(crate) struct SchemaError {
    pub(crate) line: usize,
    pub(crate) what: &'static str,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for SchemaError {}

/// Reads the messages of one file.
pub(crate) fn parse(text: &str) -> Result<Vec<Message>, SchemaError> {
    let mut messages = Vec::new();
    // the structures that are open, each with the indentation of its fields
    let mut open: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let fail = |what| SchemaError {
            line: index + 1,
            what,
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        let indentation = line.len() - line.trim_start().len();
        if words.is_empty() {
            continue;
        }
        if indentation == 0 {
            let message = head(&words).ok_or_else(|| fail("not a message head"))?;
            open = vec![(2, message.name().to_owned())];
            messages.push(message);
            continue;
        }
        let message = messages
            .last_mut()
            .ok_or_else(|| fail("field outside a message"))?;
        if words[0] == "struct" && words.len() == 3 {
            open = vec![(4, words[1].to_owned())];
            add_struct(message, words[1]);
            continue;
        }
        let field = field(&words).ok_or_else(|| fail("not a field"))?;
        open.retain(|(fields_at, _)| *fields_at <= indentation);
        let Some((fields_at, owner)) = open.last() else {
            return Err(fail("bad indentation"));
        };
        if *fields_at != indentation {
            return Err(fail("bad indentation"));
        }
        let owner = owner.clone();
        if let Some(name) = struct_name(&field.ty) {
            open.push((indentation + 2, name.to_owned()));
            add_struct(message, name);
        }
        let structure = message
            .structs
            .iter_mut()
            .find(|structure| structure.name == owner);
        structure
            .ok_or_else(|| fail("no such structure"))?
            .fields
            .push(field);
    }
    Ok(messages)
}

fn add_struct(message: &mut Message, name: &str) {
    if message
        .structs
        .iter()
        .all(|structure| structure.name != name)
    {
        message.structs.push(Struct {
            name: name.to_owned(),
            fields: Vec::new(),
        });
    }
}

/// The structure that the type is, or is an array of.
pub(crate) fn struct_name(ty: &Type) -> Option<&str> {
    match ty {
        Type::Struct(name) => Some(name),
        Type::Array(element) => struct_name(element),
        Type::Primitive(_) => None,
    }
}

fn head(words: &[&str]) -> Option<Message> {
    let kind = match *words.first()? {
        "request" => Kind::Request,
        "response" => Kind::Response,
        "record" => Kind::Record,
        "data" => Kind::Data,
        "key" => Kind::Key,
        "value" => Kind::Value,
        _ => return None,
    };
    let name = (*words.get(1)?).to_owned();
    let mut message = Message {
        kind,
        id: None,
        versions: Versions::NONE,
        flexible: Versions::NONE,
        unstable: None,
        structs: vec![Struct {
            name,
            fields: Vec::new(),
        }],
    };
    for pair in words[2..].chunks(2) {
        match *pair {
            ["id", id] => message.id = Some(id.parse().ok()?),
            ["versions", versions] => message.versions = Versions::parse(versions)?,
            ["flexible", versions] => message.flexible = Versions::parse(versions)?,
            ["unstable", version] => message.unstable = Some(version.parse().ok()?),
            _ => return None,
        }
    }
    Some(message)
}

fn field(words: &[&str]) -> Option<Field> {
    let [name, ty, versions, options @ ..] = words else {
        return None;
    };
    let versions = Versions::parse(versions)?;
    let mut field = Field {
        name: (*name).to_owned(),
        ty: parse_type(ty)?,
        versions,
        nullable: Versions::NONE,
        tag: None,
        tagged: Versions::NONE,
        default: None,
    };
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "nullable" => field.nullable = Versions::parse(options.next()?)?,
            "tag" => {
                field.tag = Some(options.next()?.parse().ok()?);
                field.tagged = versions;
            }
            "tagged" => field.tagged = Versions::parse(options.next()?)?,
            "default" => field.default = Some((*options.next()?).to_owned()),
            "ignorable" => {}
            _ => return None,
        }
    }
    Some(field)
}

fn parse_type(text: &str) -> Option<Type> {
    if let Some(element) = text.strip_prefix("[]") {
        return Some(Type::Array(Box::new(parse_type(element)?)));
    }
    let primitive = match text {
        "bool" => Primitive::Bool,
        "int8" => Primitive::Int8,
        "int16" => Primitive::Int16,
        "int32" => Primitive::Int32,
        "int64" => Primitive::Int64,
        "uint16" => Primitive::Uint16,
        "float64" => Primitive::Float64,
        "uuid" => Primitive::Uuid,
        "string" => Primitive::String,
        "bytes" | "records" => Primitive::Bytes,
        _ if text.starts_with(char::is_uppercase) => return Some(Type::Struct(text.to_owned())),
        _ => return None,
    };
    Some(Type::Primitive(primitive))
}
