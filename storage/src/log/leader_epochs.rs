//! Where each leader epoch begins in the log (KIP-101, KIP-320), and Kafka's text file of it.
//! Pure. Entries rise strictly in epoch and in start offset.

use std::fmt::Write as _;

use thiserror::Error;

/// One line of the checkpoint file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochStart {
    pub epoch: i32,
    /// First offset written under this epoch.
    pub start_offset: i64,
}

/// Why a checkpoint file cannot be used; the log is scanned instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EpochFileError {
    #[error("leader epoch checkpoint of version other than 0")]
    UnknownVersion,
    #[error("leader epoch checkpoint is damaged at line {line}")]
    Damaged { line: usize },
}

/// The epochs of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaderEpochs {
    starts: Vec<EpochStart>,
}

impl LeaderEpochs {
    /// Notes that the batch at `start_offset` was written under `epoch`; returns whether that is
    /// news. An older epoch than the latest, or a negative one, is not noted.
    pub fn assign(&mut self, epoch: i32, start_offset: i64) -> bool {
        if epoch < 0 || self.latest().is_some_and(|latest| epoch <= latest) {
            return false;
        }
        // An epoch under which nothing was written gives way.
        self.truncate_from_end(start_offset);
        self.starts.push(EpochStart {
            epoch,
            start_offset,
        });
        true
    }

    #[must_use]
    pub fn latest(&self) -> Option<i32> {
        self.starts.last().map(|start| start.epoch)
    }

    /// KIP-101: the largest epoch known that is not above `epoch`, and the offset after its last
    /// record. `None` when the log knows nothing of such an epoch.
    #[must_use]
    pub fn end_offset_for(&self, epoch: i32, log_end_offset: i64) -> Option<(i32, i64)> {
        let latest = self.latest()?;
        if epoch < 0 || epoch > latest {
            return None;
        }
        if epoch == latest {
            return Some((epoch, log_end_offset));
        }
        let above = self.starts.partition_point(|start| start.epoch <= epoch);
        let floor = above
            .checked_sub(1)
            .map_or(epoch, |below| self.starts[below].epoch);
        Some((floor, self.starts[above].start_offset))
    }

    /// The epoch under which `offset` was written.
    #[must_use]
    pub fn epoch_of(&self, offset: i64) -> Option<i32> {
        let above = self
            .starts
            .partition_point(|start| start.start_offset <= offset);
        above.checked_sub(1).map(|at| self.starts[at].epoch)
    }

    /// Forgets what begins at `end_offset` or later.
    pub fn truncate_from_end(&mut self, end_offset: i64) {
        let keep = self
            .starts
            .partition_point(|start| start.start_offset < end_offset);
        self.starts.truncate(keep);
    }

    /// Forgets epochs that end at or before `start_offset`, the new beginning of the log.
    pub fn truncate_from_start(&mut self, start_offset: i64) {
        let above = self
            .starts
            .partition_point(|start| start.start_offset <= start_offset);
        self.starts.drain(..above.saturating_sub(1));
        if let Some(first) = self.starts.first_mut() {
            first.start_offset = first.start_offset.max(start_offset);
        }
    }

    #[must_use]
    pub fn starts(&self) -> &[EpochStart] {
        &self.starts
    }

    /// Kafka's `leader-epoch-checkpoint`: version, count, then `epoch offset` lines.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("0\n{}\n", self.starts.len());
        for start in &self.starts {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {}", start.epoch, start.start_offset);
        }
        text
    }

    /// Reads what [`Self::to_text`] or Kafka wrote.
    ///
    /// # Errors
    /// Another version, a missing line, or lines that do not rise.
    pub fn from_text(text: &str) -> Result<Self, EpochFileError> {
        let mut lines = text.lines();
        if lines.next() != Some("0") {
            return Err(EpochFileError::UnknownVersion);
        }
        let count: Option<usize> = lines.next().and_then(|line| line.trim().parse().ok());
        let Some(count) = count else {
            return Err(EpochFileError::Damaged { line: 2 });
        };
        let mut epochs = Self::default();
        for (index, line) in lines.enumerate() {
            let damaged = EpochFileError::Damaged { line: index + 3 };
            let start = parse_line(line).ok_or(damaged)?;
            if let Some(last) = epochs.starts.last()
                && (start.epoch <= last.epoch || start.start_offset <= last.start_offset)
            {
                return Err(damaged);
            }
            epochs.starts.push(start);
        }
        if epochs.starts.len() == count {
            Ok(epochs)
        } else {
            Err(EpochFileError::Damaged { line: 2 })
        }
    }
}

fn parse_line(line: &str) -> Option<EpochStart> {
    let (epoch, start_offset) = line.split_once(' ')?;
    let start = EpochStart {
        epoch: epoch.parse().ok()?,
        start_offset: start_offset.trim().parse().ok()?,
    };
    (start.epoch >= 0 && start.start_offset >= 0).then_some(start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn epochs(starts: &[(i32, i64)]) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        for (epoch, start_offset) in starts {
            assert!(epochs.assign(*epoch, *start_offset));
        }
        epochs
    }

    #[test]
    fn the_latest_epoch_ends_at_the_log_end() {
        assert_eq!(
            epochs(&[(2, 0), (5, 10)]).end_offset_for(5, 33),
            Some((5, 33))
        );
    }

    #[test]
    fn an_unknown_epoch_between_gives_the_one_below() {
        let epochs = epochs(&[(2, 0), (5, 10), (9, 20)]);
        assert_eq!(epochs.end_offset_for(5, 33), Some((5, 20)));
        assert_eq!(epochs.end_offset_for(7, 33), Some((5, 20)));
        assert_eq!(epochs.end_offset_for(2, 33), Some((2, 10)));
        assert_eq!(epochs.end_offset_for(1, 33), Some((1, 0)));
    }

    #[test]
    fn an_epoch_from_the_future_is_unknown() {
        assert_eq!(epochs(&[(2, 0)]).end_offset_for(3, 33), None);
        assert_eq!(epochs(&[(2, 0)]).end_offset_for(-1, 33), None);
        assert_eq!(LeaderEpochs::default().end_offset_for(0, 0), None);
    }

    #[test]
    fn an_epoch_without_records_gives_way() {
        let mut epochs = epochs(&[(1, 0), (2, 10)]);
        assert!(epochs.assign(3, 10));
        assert_eq!(epochs.end_offset_for(1, 20), Some((1, 10)));
        assert_eq!(epochs.end_offset_for(2, 20), Some((1, 10)));
        assert!(!epochs.assign(3, 15));
        assert!(!epochs.assign(2, 15));
    }

    #[test]
    fn truncation_from_the_start_keeps_the_covering_epoch() {
        let mut epochs = epochs(&[(1, 0), (2, 10), (3, 20)]);
        epochs.truncate_from_start(15);
        assert_eq!(
            epochs.starts(),
            [
                EpochStart {
                    epoch: 2,
                    start_offset: 15
                },
                EpochStart {
                    epoch: 3,
                    start_offset: 20
                },
            ]
        );
    }

    #[test]
    fn kafkas_own_file_is_read() {
        let text = "0\n2\n0 0\n4 120\n";
        let read = LeaderEpochs::from_text(text).unwrap();
        assert_eq!(read, epochs(&[(0, 0), (4, 120)]));
        assert_eq!(read.to_text(), text);
    }

    #[test]
    fn a_damaged_file_is_refused() {
        for text in [
            "",
            "1\n0\n",
            "0\n",
            "0\n1\n",
            "0\n1\nx 0\n",
            "0\n2\n3 5\n2 9\n",
            "0\n1\n-1 4\n",
        ] {
            assert!(LeaderEpochs::from_text(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(steps in prop::collection::vec((1..10_i32, 1..1_000_i64), 0..20)) {
            let mut written = LeaderEpochs::default();
            let (mut epoch, mut offset) = (0, 0);
            for (more_epoch, more_offset) in steps {
                epoch += more_epoch;
                offset += more_offset;
                written.assign(epoch, offset);
            }
            prop_assert_eq!(LeaderEpochs::from_text(&written.to_text()), Ok(written));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}") {
            let _read = LeaderEpochs::from_text(&text);
        }
    }
}
