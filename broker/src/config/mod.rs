//! Configuration: one table of settings (`table`, rows in `rows/`), the places values come from
//! (`properties`, `environment`, `load`), and what the program reads (`effective`, `topic`).
//!
//! The way of a value: text with its place -> `layers` -> checked alone (`notices`) and with the
//! others (`relations`) -> `Settings`. `DescribeConfigs` reads `describe`. All but `load` is pure.

pub(crate) mod consumer_groups;
pub(crate) mod describe;
pub(crate) mod effective;
pub(crate) mod environment;
pub(crate) mod groups;
pub(crate) mod internal_topics;
pub(crate) mod layers;
pub(crate) mod listeners;
pub(crate) mod load;
mod notices;
pub(crate) mod problem;
pub(crate) mod properties;
mod relations;
mod ring_fallback;
mod rows;
pub(crate) mod setting;
pub(crate) mod table;
pub(crate) mod topic;
pub(crate) mod transactions;

pub(crate) use effective::Settings;

#[cfg(test)]
mod tests;
