//! Tests of the wire form of every message, driven by the schemas: the generated code is current,
//! agrees with another implementation, survives hostile bytes and allocates within bounds.

#![expect(
    clippy::expect_used,
    reason = "a test may stop at what it did not expect"
)]

mod allocation;
mod api_table;
mod bytes_from_schema;
mod codec;
mod current;
mod differential;
mod fuzz;
mod memory;
mod metadata_record;
mod mutation;
mod random;
mod table;

#[path = "../../examples/generate/emit/mod.rs"]
mod emit;
#[path = "../../examples/generate/layout.rs"]
mod layout;
#[path = "../../examples/generate/schema.rs"]
mod schema;
#[path = "../../examples/generate/tree.rs"]
mod tree;

use std::path::Path;

use codec::Codec;

/// One message: its schema and its generated code.
struct Subject {
    schema: schema::Message,
    codec: &'static Codec,
}

/// Every message that has a schema.
fn subjects() -> Vec<Subject> {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let sources = tree::read_all(&schemas).expect("the schemas can be read");
    let messages = sources.into_iter().flat_map(|source| source.messages);
    messages
        .map(|schema| {
            let codec = table::CODECS
                .iter()
                .find(|codec| codec.name == schema.name());
            Subject {
                codec: codec.expect("the table holds every message"),
                schema,
            }
        })
        .collect()
}
