//! The Rust text that encodes a structure. Pure.

use std::collections::BTreeMap;

use super::super::schema::{Field, Primitive, Type, Versions};
use super::definition::{default, ident, nullable, rust_type};
use super::statements::{Statements, guarded_flexible, untagged};
use super::{Scope, When, condition};

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
