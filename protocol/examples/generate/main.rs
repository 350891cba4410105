//! Writes the message types from the schemas: `cargo run -p millrace-protocol --example generate`.

mod emit;
mod layout;
mod schema;
mod tree;

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    tree::write_all(&root.join("schemas"), root)
}
