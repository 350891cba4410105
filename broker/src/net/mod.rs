//! Sockets: accepting, framing requests, sending answers. One connection lives on one shard.

pub(crate) mod close_log;
pub(crate) mod connection;
pub(crate) mod frames;
pub(crate) mod listener;
pub(crate) mod outbox;
pub(crate) mod response;
