//! The committed code is what the generator makes of the schemas.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::tree;

fn files(root: &Path, folder: &str) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).expect("a text");
                found.insert(
                    path.strip_prefix(root).expect("below the root").to_owned(),
                    text,
                );
            }
        }
    }
    found
}

#[test]
fn committed_code_is_what_the_schemas_give() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    tree::write_all(&committed.join("schemas"), &made).expect("the generator runs");

    let (old, new) = (
        files(committed, "src/messages"),
        files(&made, "src/messages"),
    );
    assert_eq!(
        old.keys().collect::<Vec<_>>(),
        new.keys().collect::<Vec<_>>()
    );
    for (path, text) in &new {
        assert!(
            old[path] == *text,
            "{} is out of date: run the generator",
            path.display()
        );
    }
    let table = Path::new("tests/wire/table.rs");
    let [old, new] = [committed, &made].map(|root| fs::read_to_string(root.join(table)));
    assert_eq!(old.expect("the table"), new.expect("the table"));
}
