//! The operations under way, by number. Pure bookkeeping: which state an operation is in, and
//! what must happen when a completion arrives or when its future goes away.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::action::{Action, Yields};

/// For completions that nobody waits for: of cancellations, and messages from other rings.
pub(super) const NO_SLOT: u64 = u64::MAX;
/// The serial number of what has no slot.
const NO_SERIAL: u64 = u64::MAX << 32;

/// The name of a message to the peer of this index.
pub(super) fn message(peer: usize) -> u64 {
    NO_SERIAL | peer as u64
}

/// What a completion says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Completion {
    pub(super) result: i32,
    pub(super) flags: u32,
}

enum State {
    Waiting,
    Done(Completion),
    /// The future is gone; what it would have got is disposed of.
    Abandoned,
    Stream {
        arrived: VecDeque<Completion>,
        ended: bool,
    },
}

struct Slot {
    user_data: u64,
    state: State,
    waker: Option<Waker>,
    action: Action,
}

/// An operation's name towards the kernel: slot and serial number, so that it never means another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpId(u64);

impl OpId {
    pub(super) fn user_data(self) -> u64 {
        self.0
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the part that is the slot's index"
    )]
    fn key(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }
}

/// What the ring does about a completion, outside the borrow of the slots.
pub(super) enum Effect {
    Nothing,
    Wake(Option<Waker>),
    /// The peer of this index must be woken in another way.
    MessageFailed(usize),
    /// Nobody gets the result; the action is over when it is here.
    Dispose(Yields, Completion, Option<Action>),
}

#[derive(Default)]
pub(super) struct Slots {
    slots: Slab<Slot>,
    serial: u32,
}

impl Slots {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = OpId> {
        self.slots.iter().map(|(_, slot)| OpId(slot.user_data))
    }

    /// Takes over the action.
    pub(super) fn insert(&mut self, action: Action, abandoned: bool) -> (OpId, &mut Action) {
        // Below the last one, which is of what has no slot.
        self.serial = (self.serial + 1) % (u32::MAX - 1);
        let vacant = self.slots.vacant_entry();
        let user_data = (u64::from(self.serial) << 32) | vacant.key() as u64;
        let state = if abandoned {
            State::Abandoned
        } else if action.is_stream() {
            State::Stream {
                arrived: VecDeque::new(),
                ended: false,
            }
        } else {
            State::Waiting
        };
        let slot = vacant.insert(Slot {
            user_data,
            state,
            waker: None,
            action,
        });
        (OpId(user_data), &mut slot.action)
    }

    /// The action of an operation under way.
    pub(super) fn action(&mut self, user_data: u64) -> &mut Action {
        &mut self.slot(OpId(user_data)).action
    }

    pub(super) fn complete(&mut self, user_data: u64, completion: Completion) -> Effect {
        if user_data == NO_SLOT {
            return Effect::Nothing;
        }
        let id = OpId(user_data);
        if user_data >= NO_SERIAL {
            return Effect::MessageFailed(id.key());
        }
        let more = io_uring::cqueue::more(completion.flags);
        let slot = self.slot(id);
        match &mut slot.state {
            State::Waiting => slot.state = State::Done(completion),
            State::Stream { arrived, ended } => {
                arrived.push_back(completion);
                *ended = !more;
            }
            State::Abandoned => {
                let yields = slot.action.yields();
                let action = if more {
                    None
                } else {
                    Some(self.slots.remove(id.key()).action)
                };
                return Effect::Dispose(yields, completion, action);
            }
            State::Done(_) => unreachable!("an operation completed twice"),
        }
        Effect::Wake(slot.waker.take())
    }

    /// The result of a single operation, and its action back.
    pub(super) fn poll(&mut self, id: OpId, cx: &Context<'_>) -> Poll<(Completion, Action)> {
        let slot = self.slot(id);
        if let State::Done(completion) = slot.state {
            return Poll::Ready((completion, self.slots.remove(id.key()).action));
        }
        slot.await_completion(cx);
        Poll::Pending
    }

    /// The next completion of a stream; `None` when it has ended.
    pub(super) fn poll_stream(
        &mut self,
        id: OpId,
        context: &Context<'_>,
    ) -> Poll<Option<Completion>> {
        let slot = self.slot(id);
        let State::Stream { arrived, ended } = &mut slot.state else {
            unreachable!("not a stream")
        };
        if let Some(completion) = arrived.pop_front() {
            return Poll::Ready(Some(completion));
        }
        if *ended {
            return Poll::Ready(None);
        }
        slot.await_completion(context);
        Poll::Pending
    }

    /// Resolves when a stream has ended, whatever of it is still to be taken.
    pub(super) fn poll_stream_end(&mut self, id: OpId, context: &Context<'_>) -> Poll<()> {
        let slot = self.slot(id);
        if matches!(slot.state, State::Stream { ended: true, .. }) {
            return Poll::Ready(());
        }
        slot.await_completion(context);
        Poll::Pending
    }

    /// What arrived in a stream and is not taken yet.
    pub(super) fn take_arrived(&mut self, id: OpId) -> Option<Completion> {
        match &mut self.slot(id).state {
            State::Stream { arrived, .. } => arrived.pop_front(),
            State::Waiting | State::Done(_) | State::Abandoned => None,
        }
    }

    /// The future is gone. Returns what it left behind, and whether the operation goes on.
    pub(super) fn abandon(&mut self, id: OpId) -> Abandoned {
        let slot = self.slot(id);
        let yields = slot.action.yields();
        let waker = slot.waker.take();
        let (arrived, over) = match std::mem::replace(&mut slot.state, State::Abandoned) {
            State::Waiting => (VecDeque::new(), false),
            State::Done(completion) => (VecDeque::from([completion]), true),
            State::Stream { arrived, ended } => (arrived, ended),
            State::Abandoned => unreachable!("abandoned twice"),
        };
        let waits = slot.action.waits_for_others();
        let action = over.then(|| self.slots.remove(id.key()).action);
        Abandoned {
            yields,
            arrived,
            cancel: !over && waits,
            _waker: waker,
            _action: action,
        }
    }

    fn slot(&mut self, id: OpId) -> &mut Slot {
        let slot = &mut self.slots[id.key()];
        assert!(
            slot.user_data == id.0,
            "a completion for an operation that is over"
        );
        slot
    }
}

impl Slot {
    fn await_completion(&mut self, context: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.waker = Some(context.waker().clone()),
        }
    }
}

pub(super) struct Abandoned {
    pub(super) yields: Yields,
    pub(super) arrived: VecDeque<Completion>,
    pub(super) cancel: bool,
    _waker: Option<Waker>,
    _action: Option<Action>,
}
