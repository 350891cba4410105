//! The answers of one connection on their way out, in request order. Pure but for its wakers.
//!
//! A bounded queue between the connection's reader and its writer: when it is full the reader
//! stops taking requests off the socket, so a client that pipelines without reading its answers
//! is held back by its own TCP window. It is full by number, or by the memory that its answers hold.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::api::Answer;

/// What the answers of one connection that wait may hold; one more may always come.
const BYTES_MAX: usize = 256 * 1024;

/// One handle of the queue.
pub(crate) struct Outbox {
    state: Rc<RefCell<State>>,
    answers_max: usize,
}

#[derive(Default)]
struct State {
    answers: VecDeque<(usize, Answer)>,
    bytes: usize,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Outbox {
    /// The two handles of one queue, the reader's and the writer's. `answers_max`: requests of one
    /// connection that may be unanswered at a time.
    pub(crate) fn pair(answers_max: usize) -> (Self, Self) {
        let state = Rc::default();
        (
            Self {
                state: Rc::clone(&state),
                answers_max,
            },
            Self { state, answers_max },
        )
    }

    /// Waits for room; `false` when the writer is gone.
    pub(crate) async fn has_room(&self) -> bool {
        std::future::poll_fn(|context| {
            let mut state = self.state.borrow_mut();
            if state.closed {
                return Poll::Ready(false);
            }
            if state.answers.len() < self.answers_max && state.bytes < BYTES_MAX {
                return Poll::Ready(true);
            }
            state.reader = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Queues the answer to the request just read.
    pub(crate) fn push(&self, answer: Answer) {
        let mut state = self.state.borrow_mut();
        let bytes = answer.held_bytes();
        state.bytes += bytes;
        state.answers.push_back((bytes, answer));
        if let Some(writer) = state.writer.take() {
            writer.wake();
        }
    }

    /// The next answer in order, or `None` once the queue is closed and empty.
    pub(crate) async fn next(&self) -> Option<Answer> {
        std::future::poll_fn(|context| {
            let mut state = self.state.borrow_mut();
            if let Some((bytes, answer)) = state.answers.pop_front() {
                state.bytes -= bytes;
                if let Some(reader) = state.reader.take() {
                    reader.wake();
                }
                return Poll::Ready(Some(answer));
            }
            if state.closed {
                return Poll::Ready(None);
            }
            state.writer = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Ends the queue: what is in it is still taken, nothing more comes.
    pub(crate) fn close(&self) {
        let mut state = self.state.borrow_mut();
        state.closed = true;
        for waker in [state.reader.take(), state.writer.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }
}
