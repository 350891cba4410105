//! `quorum-state`: the term and the vote that must never be forgotten, in Kafka's file.
//! Owns the file's text. The vote is kept a second time as Raft's own id, which is the directory's; and
//! a checksum that Kafka's file has not ends it, because a changed digit is a term or a vote too.

use std::fs;
use std::io;
use std::path::Path;

use raft::{HardState, NodeId};
use storage::durable_file;

const FILE: &str = "quorum-state";
const NOBODY: i64 = -1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum QuorumStateError {
    #[error("cannot read {FILE}: {0}")]
    Io(#[from] io::Error),
    #[error("{FILE} has no usable {key}")]
    Malformed { key: &'static str },
    #[error("{FILE} is damaged: its checksum is wrong")]
    Damaged,
}

pub(crate) fn load(directory: &Path) -> Result<HardState, QuorumStateError> {
    match fs::read_to_string(directory.join(FILE)) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HardState::default()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn store(directory: &Path, state: HardState, node_id: i32) -> io::Result<()> {
    durable_file::replace(directory, FILE, text(state, node_id).as_bytes())
}

fn text(state: HardState, node_id: i32) -> String {
    let voted = if state.vote.is_some() {
        i64::from(node_id)
    } else {
        NOBODY
    };
    let own = state
        .vote
        .map_or_else(|| String::from("none"), |vote| vote.0.to_string());
    let fields = format!(
        "{{\"leaderId\":-1,\"leaderEpoch\":{},\"votedId\":{voted},\"votedNode\":\"{own}\",\
         \"data_version\":1",
        state.term
    );
    format!("{fields}{}", end_of(&fields))
}

const CHECKSUM: &str = ",\"checksum\":";

/// What ends the text that begins with these fields.
fn end_of(fields: &str) -> String {
    format!("{CHECKSUM}\"{:08x}\"}}", crc32c::crc32c(fields.as_bytes()))
}

/// A file of a former version has no checksum.
fn is_damaged(text: &str) -> bool {
    let end = text.find(CHECKSUM).map(|at| text.split_at(at));
    end.is_some_and(|(fields, end)| end != end_of(fields))
}

fn parse(text: &str) -> Result<HardState, QuorumStateError> {
    if is_damaged(text) {
        return Err(QuorumStateError::Damaged);
    }
    let field = |key: &'static str| {
        let malformed = QuorumStateError::Malformed { key };
        let start = text
            .find(&format!("\"{key}\":"))
            .map(|at| at + key.len() + 3);
        let rest = start.and_then(|start| text.get(start..));
        let end = rest.and_then(|rest| rest.find([',', '}']));
        match (rest, end) {
            (Some(rest), Some(end)) => Ok(rest[..end].trim().trim_matches('"')),
            _ => Err(malformed),
        }
    };
    let term = field("leaderEpoch")?;
    let term = term
        .parse()
        .map_err(|_| QuorumStateError::Malformed { key: "leaderEpoch" })?;
    let vote = match field("votedNode")? {
        "none" => None,
        id => {
            let id = id.parse();
            Some(NodeId(id.map_err(|_| QuorumStateError::Malformed {
                key: "votedNode",
            })?))
        }
    };
    Ok(HardState { term, vote })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn term_and_vote_return_as_they_were_stored() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(load(directory.path()).unwrap(), HardState::default());
        for vote in [None, Some(NodeId(u64::MAX))] {
            let state = HardState { term: 7, vote };
            store(directory.path(), state, 1).unwrap();
            assert_eq!(load(directory.path()).unwrap(), state);
        }
    }

    #[test]
    fn a_changed_digit_is_no_other_term_or_vote() {
        let vote = Some(NodeId(12));
        let written = text(HardState { term: 47, vote }, 1);
        let fields = written.find(CHECKSUM).unwrap();
        for at in 0..fields {
            let mut changed = written.clone().into_bytes();
            changed[at] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert!(parse(&changed).is_err(), "{changed}");
        }
        let former = format!("{}}}", &written[..fields]);
        assert_eq!(parse(&former).unwrap(), HardState { term: 47, vote });
    }

    #[test]
    fn a_damaged_file_is_refused_rather_than_a_vote_forgotten() {
        for text in [
            "",
            "{}",
            "{\"leaderEpoch\":x,\"votedNode\":\"none\"}",
            "{\"leaderEpoch\":4}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
