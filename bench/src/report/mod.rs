//! What a run is told as: text, one JSON object, and a directory of files with a page of charts.

pub(crate) mod text;
