//! A Kafka client of our own: connections that speak the newest version both sides know, the
//! cluster's topics, the coordinators of groups and transactions. Shell, around small rules.

pub(crate) mod cluster;
pub(crate) mod connection;
pub(crate) mod coordinator;
pub(crate) mod membership;
mod negotiate;
pub(crate) mod produce_frame;
pub(crate) mod refusal;
