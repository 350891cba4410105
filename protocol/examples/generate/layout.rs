//! What follows from a schema: the versions in which a structure occurs, and the least number of
//! bytes that a value takes. Pure.

use super::schema::{Field, Message, Primitive, Struct, Type, Versions, struct_name};

/// The versions in which the structure is read or written.
pub(crate) fn reach(message: &Message, name: &str) -> Versions {
    if name == message.name() {
        return message.versions;
    }
    let mut reached = Versions::NONE;
    for structure in &message.structs {
        for field in &structure.fields {
            if struct_name(&field.ty) == Some(name) {
                let outer = reach(message, &structure.name);
                reached = reached.hull(outer.intersect(field.versions));
            }
        }
    }
    reached
}

/// The least bytes of an array element over the versions in which the array occurs.
pub(crate) fn element_bytes_min(message: &Message, ty: &Type, versions: Versions) -> usize {
    let versions = versions.intersect(message.versions);
    let least = (versions.first..=versions.last)
        .map(|version| bytes_min(message, ty, false, version))
        .min()
        .unwrap_or(0);
    assert!(least > 0, "{}: an element may be empty", message.name());
    least
}

fn bytes_min(message: &Message, ty: &Type, nullable: bool, version: i16) -> usize {
    let flexible = message.flexible.contains(version);
    match ty {
        Type::Struct(_) if nullable => 1,
        Type::Struct(name) => struct_bytes_min(message, message.structure(name), version),
        Type::Array(_) => {
            if flexible {
                1
            } else {
                4
            }
        }
        Type::Primitive(primitive) => match primitive {
            Primitive::Bool | Primitive::Int8 => 1,
            Primitive::Int16 | Primitive::Uint16 => 2,
            Primitive::Int32 => 4,
            Primitive::Int64 | Primitive::Float64 => 8,
            Primitive::Uuid => 16,
            Primitive::String => {
                if flexible {
                    1
                } else {
                    2
                }
            }
            Primitive::Bytes => {
                if flexible {
                    1
                } else {
                    4
                }
            }
        },
    }
}

fn struct_bytes_min(message: &Message, structure: &Struct, version: i16) -> usize {
    let fields = structure
        .fields
        .iter()
        .filter(|field| is_plain(field, version));
    let tags = usize::from(message.flexible.contains(version));
    let bytes = |field: &Field| {
        bytes_min(
            message,
            &field.ty,
            field.nullable.contains(version),
            version,
        )
    };
    fields.map(bytes).sum::<usize>() + tags
}

/// True when the version has the field, and not as a tagged one.
pub(crate) fn is_plain(field: &Field, version: i16) -> bool {
    field.versions.contains(version) && !field.tagged.contains(version)
}
