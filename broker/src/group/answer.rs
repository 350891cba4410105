//! Answers that are not given at once. Pure values.

use protocol::error_code::ErrorCode;
use protocol::messages::join_group_response::JoinGroupResponse;
use protocol::messages::sync_group_response::SyncGroupResponse;

use crate::group::classic::{join_refused, sync_refused};

/// Stands for a request that waits; whoever holds it owes it one [`Answer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token {
    /// The shard of the connection.
    pub(crate) shard: usize,
    /// Its number there.
    pub(crate) number: u64,
}

/// What a request that waited is answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Join(JoinGroupResponse),
    Sync(SyncGroupResponse),
}

/// An answer on its way to the request that waits for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) token: Token,
    pub(crate) answer: Answer,
}

impl Reply {
    /// The same request, answered that the coordinator could not do it.
    pub(crate) fn refused(self) -> Self {
        let error = ErrorCode::NotCoordinator;
        let answer = match self.answer {
            Answer::Join(join) => Answer::Join(join_refused(&join.member_id, error)),
            Answer::Sync(_) => Answer::Sync(sync_refused(error)),
        };
        Self { answer, ..self }
    }
}
