//! The rows of the table, one file an area: every setting's name, type, default, range, whether it
//! can be changed at run time, what Millrace does with it, and a sentence of documentation.
//!
//! A row reads: type, name, default, range, update, treatment, documentation. Pure.

pub(crate) mod access;
pub(crate) mod cluster;
pub(crate) mod group;
pub(crate) mod groups;
pub(crate) mod log;
pub(crate) mod millrace;
pub(crate) mod monitoring;
pub(crate) mod server;
pub(crate) mod tiering;
pub(crate) mod tls;
pub(crate) mod topic;

use super::setting::{Range, Treatment};

/// Writes rows as lines; a default is a string or `null`.
macro_rules! settings {
    ($(#[$meta:meta])* $table:ident: $($kind:ident $name:literal = $default:tt, $range:expr,
        $update:ident, $treatment:expr, $doc:literal;)*) => {
        $(#[$meta])*
        pub(crate) const $table: &[$crate::config::setting::Setting] = &[$(
            $crate::config::setting::Setting {
                name: $name,
                kind: $crate::config::setting::Kind::$kind,
                default: $crate::config::rows::default_value!($default),
                range: $range,
                update: $crate::config::setting::Update::$update,
                treatment: $treatment,
                doc: $doc,
            },
        )*];
    };
}
macro_rules! default_value {
    (null) => {
        None
    };
    ($text:literal) => {
        Some($text)
    };
}
use {default_value, settings};

// Short names that keep a row to two lines.
const ANY: Range = Range::Any;
const NOT_EMPTY: Range = Range::NotEmpty;
const MINUS_ONE: Range = Range::AtLeast(-1);
const ZERO: Range = Range::AtLeast(0);
const ONE: Range = Range::AtLeast(1);
const MIB: Range = Range::AtLeast(1 << 20);
const HONOURED: Treatment = Treatment::Honoured;
const THREADS: Treatment = Treatment::Ignored(
    "there are no thread pools here: one shard a core does everything (see millrace.shards)",
);
const JVM_PLUGIN: Treatment =
    Treatment::Refused("Java classes cannot be loaded; there is no JVM in this process");
const CLUSTERING: Treatment = Treatment::Later("this version runs as a single broker");
const GROUPS: Treatment = Treatment::Later("group coordination is not in this version");
const TLS: Treatment = Treatment::Later("only PLAINTEXT listeners are served in this version");
const QUOTAS: Treatment = Treatment::Later("quotas are not in this version");
const METRICS: Treatment = Treatment::Later("metrics are not in this version");
