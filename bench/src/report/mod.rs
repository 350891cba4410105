//! What a run is told as: text, one JSON object, and a directory of files with a page of charts.

mod environment;
pub(crate) mod files;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod svg;
pub(crate) mod text;
