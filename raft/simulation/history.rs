//! What the clients saw, and whether one register could have behaved that way.
//!
//! A search over all orders that respect real time, for each register alone (linearizability is local). Values are
//! unique, so a write of unknown outcome that nobody read may be taken as never done.

use std::collections::HashSet;

use super::register::KEYS;

/// One finished, or forever unknown, operation. Times are event numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) key: usize,
    pub(crate) value: u64,
    pub(crate) is_write: bool,
    pub(crate) invoked: u64,
    /// `None`: a write whose outcome is unknown.
    pub(crate) returned: Option<u64>,
}

/// The first key whose operations no register explains.
pub(crate) fn not_linearizable(operations: &[Operation]) -> Option<usize> {
    (0..KEYS).find(|key| {
        let read = |value: u64| {
            operations
                .iter()
                .any(|op| !op.is_write && op.key == *key && op.value == value)
        };
        let mut of_key: Vec<Operation> = operations
            .iter()
            .filter(|op| op.key == *key && (op.returned.is_some() || read(op.value)))
            .copied()
            .collect();
        of_key.sort_by_key(|op| op.invoked);
        !has_order(&of_key)
    })
}

/// Depth first: any operation may be next that was invoked before the first return of those still left.
fn has_order(operations: &[Operation]) -> bool {
    let mut seen = HashSet::new();
    let mut stack = vec![(0, Vec::new(), 0_u64)];
    while let Some((first, done_ahead, value)) = stack.pop() {
        if first == operations.len() {
            return true;
        }
        if !seen.insert((first, done_ahead.clone(), value)) {
            continue;
        }
        let left = || (first..operations.len()).filter(|at| !done_ahead.contains(at));
        let required = left().any(|at| operations[at].returned.is_some());
        if !required {
            return true;
        }
        let horizon = left()
            .filter_map(|at| operations[at].returned)
            .min()
            .unwrap_or(u64::MAX);
        for at in left().take_while(|at| operations[*at].invoked <= horizon) {
            let next = operations[at];
            if !next.is_write && next.value != value {
                continue;
            }
            let (mut first, mut done) = (first, done_ahead.clone());
            done.push(at);
            done.sort_unstable();
            while done.first() == Some(&first) {
                done.remove(0);
                first += 1;
            }
            stack.push((first, done, if next.is_write { next.value } else { value }));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(is_write: bool, value: u64, invoked: u64, returned: Option<u64>) -> Operation {
        Operation {
            key: 0,
            value,
            is_write,
            invoked,
            returned,
        }
    }

    #[test]
    fn stale_read_has_no_order() {
        let write = operation(true, 5, 1, Some(2));
        assert_eq!(
            not_linearizable(&[write, operation(false, 0, 3, Some(4))]),
            Some(0)
        );
        assert_eq!(
            not_linearizable(&[write, operation(false, 5, 3, Some(4))]),
            None
        );
        assert_eq!(
            not_linearizable(&[write, operation(false, 0, 1, Some(4))]),
            None
        );
    }

    #[test]
    fn unknown_write_may_be_seen_but_not_unseen() {
        let write = operation(true, 5, 1, None);
        let sees = operation(false, 5, 3, Some(4));
        assert_eq!(not_linearizable(&[write, sees]), None);
        assert_eq!(
            not_linearizable(&[write, sees, operation(false, 0, 5, Some(6))]),
            Some(0)
        );
        assert_eq!(
            not_linearizable(&[operation(false, 0, 2, Some(3)), write]),
            None
        );
    }
}
