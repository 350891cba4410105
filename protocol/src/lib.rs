//! The Kafka wire protocol: bytes to values and back. No runtime, no I/O, no unsafe.

#![forbid(unsafe_code)]

pub mod addressing;
pub mod api_key;
pub mod codec;
pub mod error_code;
pub mod fetch;
pub mod frame;
pub mod messages;
pub mod produce;
pub mod records;
pub mod types;
