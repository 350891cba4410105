//! The Rust text of a structure's fields: definition, defaults, decoding, encoding. Pure.

use std::collections::BTreeMap;

use super::super::layout;
use super::super::schema::{Field, Primitive, Type, Versions};
use super::{Scope, When, condition};

/// The structure and its default.
pub(super) fn definition(scope: &Scope<'_>) -> String {
    let name = &scope.structure.name;
    let mut fields = String::new();
    let mut defaults = String::new();
    let mut plain = true;
    for field in scope.fields() {
        let ident = ident(field);
        let nullable = nullable(scope, field) != When::Never;
        let ty = rust_type(&field.ty);
        let ty = if nullable {
            format!("Option<{ty}>")
        } else {
            ty
        };
        fields += &format!("pub {ident}: {ty},\n");
        let (value, is_rusts) = default(field, nullable);
        plain &= is_rusts;
        defaults += &format!("{ident}: {value},\n");
    }
    let derive = if plain { ", Default" } else { "" };
    let mut text =
        format!("\n#[derive(Debug, Clone, PartialEq{derive})]\npub struct {name} {{\n{fields}}}\n");
    if !plain {
        text += &format!(
            "\nimpl Default for {name} {{\nfn default() -> Self {{\nSelf {{\n{defaults}}}\n}}\n}}\n"
        );
    }
    text
}

fn ident(field: &Field) -> String {
    match field.name.as_str() {
        "type" | "match" => format!("r#{}", field.name),
        name => name.to_owned(),
    }
}

/// In which of the versions that have the field it may be null.
fn nullable(scope: &Scope<'_>, field: &Field) -> When {
    let present = field.versions.intersect(scope.reach);
    When::of(field.nullable, present)
}

fn rust_type(ty: &Type) -> String {
    match ty {
        Type::Struct(name) => name.clone(),
        Type::Array(element) => format!("Vec<{}>", rust_type(element)),
        Type::Primitive(primitive) => match primitive {
            Primitive::Bool => "bool",
            Primitive::Int8 => "i8",
            Primitive::Int16 => "i16",
            Primitive::Int32 => "i32",
            Primitive::Int64 => "i64",
            Primitive::Uint16 => "u16",
            Primitive::Float64 => "f64",
            Primitive::Uuid => "Uuid",
            Primitive::String => "String",
            Primitive::Bytes => "Bytes",
        }
        .to_owned(),
    }
}

/// The default as an expression, and whether it is what Rust takes by itself.
fn default(field: &Field, nullable: bool) -> (String, bool) {
    let given = field.default.as_deref();
    if nullable {
        // records are null unless set, all else only where the schema says so
        let null = given == Some("null");
        let value = match &field.ty {
            _ if null => "None",
            Type::Array(_) => "Some(Vec::new())",
            Type::Primitive(Primitive::String) => "Some(String::new())",
            Type::Primitive(Primitive::Bytes) => "Some(Bytes::new())",
            Type::Struct(name) => return (format!("Some({name}::default())"), false),
            Type::Primitive(_) => "None",
        };
        return (value.to_owned(), null);
    }
    match (&field.ty, given) {
        (Type::Array(_), _) => ("Vec::new()".to_owned(), true),
        (Type::Struct(name), _) => (format!("{name}::default()"), true),
        (Type::Primitive(Primitive::String), _) => ("String::new()".to_owned(), true),
        (Type::Primitive(Primitive::Bytes), _) => ("Bytes::new()".to_owned(), true),
        (Type::Primitive(Primitive::Uuid), _) => ("Uuid::ZERO".to_owned(), true),
        (Type::Primitive(Primitive::Bool), given) => {
            (given.unwrap_or("false").to_owned(), given != Some("true"))
        }
        (Type::Primitive(Primitive::Float64), _) => ("0.0".to_owned(), true),
        (_, given) => (integer(given.unwrap_or("0")), given.is_none()),
    }
}

fn integer(text: &str) -> String {
    match text {
        "9223372036854775807" => return "i64::MAX".to_owned(),
        "2147483647" => return "i32::MAX".to_owned(),
        "-2147483648" => return "i32::MIN".to_owned(),
        _ => {}
    }
    let mut grouped = String::new();
    for (index, digit) in text.char_indices() {
        let left = text.len() - index;
        if index > 0 && left.is_multiple_of(3) && text.len() > 4 {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

/// The body of `decode`.
pub(super) fn decode(scope: &Scope<'_>) -> String {
    let mut plain = Statements::default();
    let mut tags = String::new();
    for field in scope.fields() {
        let target = format!("message.{}", ident(field));
        let tagged = field.tagged.intersect(scope.reach);
        let untagged = untagged(scope, field);
        if !untagged.is_empty() {
            let set = format!("{target} = {};\n", read_field(scope, field, untagged));
            plain.push(&set, untagged, scope.reach);
        }
        if let (Some(tag), false) = (field.tag, tagged.is_empty()) {
            let guard = match When::of(tagged, scope.message.flexible.intersect(scope.reach)) {
                When::Always | When::Never => String::new(),
                When::Sometimes => format!(" if {}", condition(tagged, scope.reach)),
            };
            let read = read_field(&scope.in_tag(), field, tagged);
            tags += &format!("{tag}{guard} => {target} = {read},\n");
        }
    }
    let section = if tags.is_empty() {
        "reader.skip_tagged_fields()?;\n".to_owned()
    } else {
        format!(
            "reader.tagged_fields(|reader, tag| {{\nmatch tag {{\n{tags}\
             _ => return Ok(false),\n}}\nOk(true)\n}})?;\n"
        )
    };
    let section = guarded_flexible(scope, section);
    let plain = plain.finish();
    if plain.is_empty() && tags.is_empty() {
        return format!("{section}Ok(Self {{}})\n");
    }
    format!("let mut message = Self::default();\n{plain}{section}Ok(message)\n")
}

/// The versions of the structure in which the field is there and not tagged.
fn untagged(scope: &Scope<'_>, field: &Field) -> Versions {
    let present = field.versions.intersect(scope.reach);
    let tagged = field.tagged.intersect(present);
    if tagged.is_empty() {
        return present;
    }
    assert!(tagged.last == present.last, "a tagged field stays tagged");
    Versions {
        first: present.first,
        last: tagged.first - 1,
    }
}

/// Statements, each under a condition on the version; neighbours share theirs.
#[derive(Default)]
struct Statements {
    text: String,
    guard: Option<String>,
    guarded: String,
}

impl Statements {
    fn push(&mut self, statement: &str, versions: Versions, reach: Versions) {
        let guard = match When::of(versions, reach) {
            When::Always => None,
            When::Never => return,
            When::Sometimes => Some(condition(versions, reach)),
        };
        if guard != self.guard {
            self.flush();
            self.guard = guard;
        }
        self.guarded += statement;
    }

    fn flush(&mut self) {
        let guarded = std::mem::take(&mut self.guarded);
        match &self.guard {
            _ if guarded.is_empty() => {}
            Some(guard) => self.text += &format!("if {guard} {{\n{guarded}}}\n"),
            None => self.text += &guarded,
        }
    }

    fn finish(mut self) -> String {
        self.flush();
        self.text
    }
}

fn guarded_flexible(scope: &Scope<'_>, section: String) -> String {
    match scope.flexible {
        When::Always => section,
        When::Never => String::new(),
        When::Sometimes => format!("if flexible {{\n{section}}}\n"),
    }
}

/// Reads the field in those of its versions.
fn read_field(scope: &Scope<'_>, field: &Field, versions: Versions) -> String {
    match When::of(field.nullable, versions) {
        When::Always => read(scope, &field.ty, true, versions),
        When::Never if nullable(scope, field) == When::Never => {
            read(scope, &field.ty, false, versions)
        }
        When::Never => format!("Some({})", read(scope, &field.ty, false, versions)),
        When::Sometimes => format!(
            "if {} {{\n{}\n}} else {{\nSome({})\n}}",
            condition(field.nullable, scope.reach),
            read(scope, &field.ty, true, versions),
            read(scope, &field.ty, false, versions),
        ),
    }
}

fn read(scope: &Scope<'_>, ty: &Type, nullable: bool, versions: Versions) -> String {
    let null = if nullable { "nullable_" } else { "" };
    let flexible = scope.flexible_argument();
    match ty {
        Type::Struct(name) if nullable => {
            let method = scope.nullable_struct();
            format!("reader.{method}(|reader| {name}::decode(reader, version))?")
        }
        Type::Struct(name) => format!("{name}::decode(reader, version)?"),
        Type::Array(element) => {
            let least = layout::element_bytes_min(scope.message, element, versions);
            let closure = match &**element {
                Type::Struct(name) => format!("|reader| {name}::decode(reader, version)"),
                Type::Array(_) => unreachable!("arrays of arrays do not occur"),
                Type::Primitive(_) => {
                    let inner = read(scope, element, false, versions);
                    let call = inner.trim_end_matches('?');
                    match call
                        .strip_prefix("reader.")
                        .and_then(|call| call.strip_suffix("()"))
                    {
                        Some(method) => format!("Reader::{method}"),
                        None => format!("|reader| {call}"),
                    }
                }
            };
            format!("reader.{null}array({flexible}, {least}, {closure})?")
        }
        Type::Primitive(primitive @ (Primitive::String | Primitive::Bytes)) => {
            let kind = if *primitive == Primitive::String {
                "string"
            } else {
                "bytes"
            };
            match scope.flexible {
                When::Always => format!("reader.compact_{null}{kind}()?"),
                When::Never => format!("reader.{null}{kind}()?"),
                When::Sometimes => format!("reader.flex_{null}{kind}(flexible)?"),
            }
        }
        Type::Primitive(_) => format!("reader.{}()?", rust_type(ty).to_lowercase()),
    }
}

/// The body of `encode`.
pub(super) fn encode(scope: &Scope<'_>) -> String {
    let mut plain = Statements::default();
    let mut tags = BTreeMap::new();
    for field in scope.fields() {
        let place = format!("self.{}", ident(field));
        let tagged = field.tagged.intersect(scope.reach);
        let untagged = untagged(scope, field);
        if !untagged.is_empty() {
            let statement = write_field(scope, field, &place, untagged);
            plain.push(&format!("{statement}\n"), untagged, scope.reach);
        }
        if let (Some(tag), false) = (field.tag, tagged.is_empty()) {
            let guard = match When::of(tagged, scope.message.flexible.intersect(scope.reach)) {
                When::Always | When::Never => String::new(),
                When::Sometimes => format!("{} && ", condition(tagged, scope.reach)),
            };
            let write = write_field(&scope.in_tag(), field, &place, tagged);
            let write = write.trim_end_matches(';');
            let set = is_set(field, &place, nullable(scope, field) != When::Never);
            let statement =
                format!("if {guard}{set} {{\ntags.field({tag}, |writer| {write});\n}}\n");
            tags.insert(tag, statement);
        }
    }
    let section = if tags.is_empty() {
        "writer.empty_tagged_fields();\n".to_owned()
    } else {
        let tags: String = tags.into_values().collect();
        format!("let mut tags = writer.tagged_fields();\n{tags}tags.finish();\n")
    };
    plain.finish() + &guarded_flexible(scope, section)
}

/// True when the field differs from its default, so that a tagged one is sent.
fn is_set(field: &Field, place: &str, nullable: bool) -> String {
    let (value, is_rusts) = default(field, nullable);
    match &field.ty {
        _ if nullable && is_rusts => format!("{place}.is_some()"),
        Type::Array(_) | Type::Primitive(Primitive::String | Primitive::Bytes) if nullable => {
            format!("{place}.as_ref().is_none_or(|value| !value.is_empty())")
        }
        Type::Array(_) | Type::Primitive(Primitive::String | Primitive::Bytes) => {
            format!("!{place}.is_empty()")
        }
        Type::Primitive(Primitive::Bool) if value == "true" => format!("!{place}"),
        Type::Primitive(Primitive::Bool) => place.to_owned(),
        Type::Primitive(_) | Type::Struct(_) => format!("{place} != {value}"),
    }
}

fn write_field(scope: &Scope<'_>, field: &Field, place: &str, versions: Versions) -> String {
    match When::of(field.nullable, versions) {
        When::Always => write(scope, &field.ty, place, Form::Nullable),
        When::Never if nullable(scope, field) == When::Never => {
            write(scope, &field.ty, place, Form::Plain)
        }
        When::Never => write(scope, &field.ty, place, Form::Emptied),
        When::Sometimes => format!(
            "if {} {{\n{}\n}} else {{\n{}\n}}",
            condition(field.nullable, scope.reach),
            write(scope, &field.ty, place, Form::Nullable),
            write(scope, &field.ty, place, Form::Emptied),
        ),
    }
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Nullable,
    /// Null becomes the empty value.
    Emptied,
}

fn write(scope: &Scope<'_>, ty: &Type, place: &str, form: Form) -> String {
    let flexible = scope.flexible_argument();
    let null = if form == Form::Nullable {
        "nullable_"
    } else {
        ""
    };
    let slice = match form {
        Form::Plain => format!("&{place}"),
        Form::Nullable => format!("{place}.as_deref()"),
        Form::Emptied => format!("{place}.as_deref().unwrap_or_default()"),
    };
    match ty {
        Type::Struct(_) => match form {
            Form::Plain => format!("{place}.encode(writer, version);"),
            Form::Nullable => format!(
                "writer.{}({place}.as_ref(), \
                 |writer, value| value.encode(writer, version));",
                scope.nullable_struct()
            ),
            Form::Emptied => unreachable!("a structure is always or never nullable"),
        },
        Type::Array(element) => {
            let inner = match &**element {
                Type::Struct(_) => "value.encode(writer, version)".to_owned(),
                Type::Primitive(Primitive::String | Primitive::Bytes) => {
                    let call = write(scope, element, "value", Form::Plain);
                    call.trim_end_matches(';').replace("&value", "value")
                }
                Type::Primitive(_) | Type::Array(_) => write(scope, element, "*value", Form::Plain)
                    .trim_end_matches(';')
                    .to_owned(),
            };
            format!("writer.{null}array({flexible}, {slice}, |writer, value| {inner});")
        }
        Type::Primitive(primitive @ (Primitive::String | Primitive::Bytes)) => {
            let kind = if *primitive == Primitive::String {
                "string"
            } else {
                "bytes"
            };
            match scope.flexible {
                When::Always => format!("writer.compact_{null}{kind}({slice});"),
                When::Never => format!("writer.{null}{kind}({slice});"),
                When::Sometimes => format!("writer.flex_{null}{kind}(flexible, {slice});"),
            }
        }
        Type::Primitive(_) => format!("writer.{}({place});", rust_type(ty).to_lowercase()),
    }
}
