//! A broker's error code as an error of ours. Pure.

use std::fmt;

use protocol::error_code::ErrorCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Refusal(i16);

impl Refusal {
    /// # Errors
    /// The code stands for a failure.
    pub(crate) fn check(code: i16) -> Result<(), Self> {
        if code == ErrorCode::None.code() {
            return Ok(());
        }
        Err(Self(code))
    }

    pub(crate) fn is(self, code: ErrorCode) -> bool {
        self.0 == code.code()
    }

    /// The same request may succeed later.
    pub(crate) fn is_retriable(self) -> bool {
        ErrorCode::from_code(self.0).is_some_and(ErrorCode::is_retriable)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ErrorCode::from_code(self.0) {
            Some(code) => write!(f, "{} ({})", code.name(), code.message()),
            None => write!(f, "error code {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_are_named_where_they_have_a_name() {
        assert_eq!(Refusal::check(0), Ok(()));
        let refusal = Refusal::check(6).unwrap_err();
        assert!(refusal.is_retriable() && refusal.is(ErrorCode::NotLeaderOrFollower));
        assert!(refusal.to_string().starts_with("NOT_LEADER_OR_FOLLOWER"));
        let unknown = Refusal::check(9999).unwrap_err();
        assert_eq!(unknown.to_string(), "error code 9999");
        assert!(!unknown.is_retriable());
    }
}
