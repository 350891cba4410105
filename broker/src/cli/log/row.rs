//! One line of output, as text or as a JSON object. Pure.

use std::fmt::Write as _;

use crate::logging::write_json_text;

/// A named thing with fields; deeper ones belong to the last one above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    kind: &'static str,
    depth: usize,
    cells: Vec<(&'static str, Cell)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Number(i128),
    Text(String),
    Flag(bool),
    Nothing,
}

impl Row {
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            depth: 0,
            cells: Vec::new(),
        }
    }

    pub(super) fn below(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    pub(super) fn with(mut self, name: &'static str, cell: impl Into<Cell>) -> Self {
        self.cells.push((name, cell.into()));
        self
    }

    pub(super) fn render(&self, json: bool) -> String {
        if json { self.json() } else { self.text() }
    }

    /// As Kafka's tool writes: `name: value name: value`.
    fn text(&self) -> String {
        let mut line = format!("{}{}", "  ".repeat(self.depth), self.kind);
        for (name, cell) in &self.cells {
            // writing to a String cannot fail, here and below
            let _ = match cell {
                Cell::Number(number) => write!(line, " {name}: {number}"),
                Cell::Text(text) => write!(line, " {name}: {text}"),
                Cell::Flag(flag) => write!(line, " {name}: {flag}"),
                Cell::Nothing => write!(line, " {name}: -"),
            };
        }
        line.push('\n');
        line
    }

    fn json(&self) -> String {
        let mut line = String::from("{\"kind\":");
        let _ = write_json_text(&mut line, self.kind);
        for (name, cell) in &self.cells {
            line.push(',');
            let _ = write_json_text(&mut line, name);
            line.push(':');
            let _ = match cell {
                Cell::Number(number) => write!(line, "{number}"),
                Cell::Text(text) => write_json_text(&mut line, text),
                Cell::Flag(flag) => write!(line, "{flag}"),
                Cell::Nothing => line.write_str("null"),
            };
        }
        line.push_str("}\n");
        line
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl From<$number> for Cell {
            fn from(number: $number) -> Self {
                Self::Number(i128::from(number))
            }
        })*
    };
}

numbers!(i16, i32, i64, u32, u64);

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Self::Nothing, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_text_or_json() {
        let row = Row::new("batch").below(1).with("size", 7_u64);
        let row = row.with("codec", "zstd \"x\"").with("key", None::<String>);
        assert_eq!(
            row.render(false),
            "  batch size: 7 codec: zstd \"x\" key: -\n"
        );
        let json = r#"{"kind":"batch","size":7,"codec":"zstd \"x\"","key":null}"#;
        assert_eq!(row.render(true), format!("{json}\n"));
    }
}
