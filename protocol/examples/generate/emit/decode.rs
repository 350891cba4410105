//! The Rust text that decodes a structure. Pure.

use super::super::layout;
use super::super::schema::{Field, Primitive, Type, Versions};
use super::definition::{ident, nullable, rust_type};
use super::statements::{Statements, guarded_flexible, untagged};
use super::{Scope, When, condition};

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
