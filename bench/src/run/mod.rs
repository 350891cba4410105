//! One run from its preparation to its outcome, and what is made of several: the search for the
//! highest rate, and the verification.

pub(crate) mod conduct;
pub(crate) mod live;
pub(crate) mod options;
pub(crate) mod outcome;
mod phases;
pub(crate) mod search;
pub(crate) mod setup;
pub(crate) mod slo;
pub(crate) mod timeline;
pub(crate) mod verify;
