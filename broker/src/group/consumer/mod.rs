//! Consumer groups of the newer protocol (KIP-848): the broker assigns, members reconcile.
//!
//! A group has an epoch, which moves when its members or their topics do; a target, which an
//! assignor works out for an epoch; and members, each of which moves to the target on its own by
//! heartbeats. Every step takes the group as it is and answers records; `group` replays them.
//!
//! ```text
//!   heartbeat, fence, resolution, classic     request -> records + response
//!      |        subscription, pattern         what the group subscribes to
//!      |        target, assignor              who is to have what
//!      |        reconcile, member             the next step of one member
//!   records -> group                          replay: the only thing that changes the state
//! ```
//! All of it is pure: time is a parameter, deadlines are answered with the records (`timers`).

pub(crate) mod assignor;
pub(crate) mod classic_member;
pub(crate) mod committer;
mod describe;
pub(crate) mod embedded;
pub(crate) mod fence;
pub(crate) mod group;
pub(crate) mod heartbeat;
pub(crate) mod member;
pub(crate) mod migration;
pub(crate) mod pattern;
pub(crate) mod reconcile;
pub(crate) mod records;
pub(crate) mod resolution;
mod static_member;
pub(crate) mod step;
pub(crate) mod subscription;
mod target;
pub(crate) mod timers;

#[cfg(test)]
mod tests;
