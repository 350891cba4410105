//! The Rust text of a structure's definition and of its defaults. Pure.

use super::super::schema::{Field, Primitive, Type};
use super::{Scope, When};

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

pub(super) fn ident(field: &Field) -> String {
    match field.name.as_str() {
        "type" | "match" => format!("r#{}", field.name),
        name => name.to_owned(),
    }
}

/// In which of the versions that have the field it may be null.
pub(super) fn nullable(scope: &Scope<'_>, field: &Field) -> When {
    let present = field.versions.intersect(scope.reach);
    When::of(field.nullable, present)
}

pub(super) fn rust_type(ty: &Type) -> String {
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
pub(super) fn default(field: &Field, nullable: bool) -> (String, bool) {
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
