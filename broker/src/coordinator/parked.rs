//! Answers that come when others have done something: the joins and syncs of a rebalance. Shell.
//!
//! Waiting at the coordinator's shard would hold a lane's credit for minutes. So the shard of the
//! connection keeps a slot, the coordinator keeps its [`Token`], and the answer is a call back.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};

use foldhash::HashMap;

use crate::group::answer::{Answer, Token};
use crate::shard::Shard;

#[derive(Debug, Default)]
struct Slot {
    answer: Option<Answer>,
    waiter: Option<Waker>,
}

/// The slots of one shard.
#[derive(Debug, Default)]
pub(crate) struct ParkedAnswers {
    number_next: Cell<u64>,
    slots: RefCell<HashMap<u64, Slot>>,
}

/// A slot that an answer will come into; given up when it is dropped.
pub(crate) struct Parked {
    shard: Rc<Shard>,
    number: u64,
}

impl Parked {
    pub(crate) fn open(shard: &Rc<Shard>) -> Self {
        let parked = &shard.parked_answers;
        let number = parked.number_next.get();
        parked.number_next.set(number + 1);
        parked.slots.borrow_mut().insert(number, Slot::default());
        Self {
            shard: Rc::clone(shard),
            number,
        }
    }

    pub(crate) fn token(&self) -> Token {
        Token {
            shard: self.shard.index,
            number: self.number,
        }
    }

    /// The answer; none when `given_up` comes first.
    pub(crate) async fn answered(&self, given_up: impl Future<Output = ()>) -> Option<Answer> {
        let slots = &self.shard.parked_answers.slots;
        let answered = std::future::poll_fn(|context| {
            let mut slots = slots.borrow_mut();
            let slot = slots.entry(self.number).or_default();
            if let Some(answer) = slot.answer.take() {
                return Poll::Ready(Some(answer));
            }
            slot.waiter = Some(context.waker().clone());
            Poll::Pending
        });
        let given_up = async {
            given_up.await;
            None
        };
        futures_lite::future::or(answered, given_up).await
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        let mut slots = self.shard.parked_answers.slots.borrow_mut();
        slots.remove(&self.number);
    }
}

/// Brings an answer to the shard that waits for it.
pub(crate) fn deliver(shard: &Rc<Shard>, token: Token, answer: Answer) {
    if token.shard == shard.index {
        shard.parked_answers.take_in(token.number, answer);
        return;
    }
    let shard = Rc::clone(shard);
    storage::tasks::spawn(async move {
        let take_in = move |waiting: Rc<Shard>| async move {
            waiting.parked_answers.take_in(token.number, answer);
        };
        shard.ask(token.shard, take_in).await;
    })
    .detach();
}

impl ParkedAnswers {
    /// An answer that nobody waits for any more is dropped.
    fn take_in(&self, number: u64, answer: Answer) {
        if let Some(slot) = self.slots.borrow_mut().get_mut(&number) {
            slot.answer = Some(answer);
            if let Some(waiter) = slot.waiter.take() {
                waiter.wake();
            }
        }
    }
}
