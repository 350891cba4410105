//! The way from the shards to the control thread: a bounded queue and a waker.
//! Owns `ControlHandle`. The answer comes back by the callback that came with the request, which runs
//! on the control thread and must only hand it on.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use atomic_waker::AtomicWaker;
use crossbeam_queue::ArrayQueue;

use crate::control::request::{ControlRequest, ControlResponse};

/// Requests that wait at most; a shard that finds it full keeps its request.
const REQUESTS_MAX: usize = 1024;

pub(crate) type Reply = Box<dyn FnOnce(ControlResponse) + Send>;

pub(crate) struct Envelope {
    pub(crate) request: ControlRequest,
    pub(crate) reply: Reply,
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Envelope")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Shared {
    requests: ArrayQueue<Envelope>,
    waker: AtomicWaker,
    stopped: AtomicBool,
}

impl Shared {
    fn refuse_waiting(&self) {
        while let Some(envelope) = self.requests.pop() {
            (envelope.reply)(ControlResponse::Unavailable);
        }
    }
}

/// Asks the control thread, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct ControlHandle {
    shared: Arc<Shared>,
}

/// The control thread's end.
#[derive(Debug)]
pub(crate) struct ControlQueue {
    shared: Arc<Shared>,
}

pub(crate) fn channel() -> (ControlHandle, ControlQueue) {
    let shared = Arc::new(Shared {
        requests: ArrayQueue::new(REQUESTS_MAX),
        waker: AtomicWaker::new(),
        stopped: AtomicBool::new(false),
    });
    (
        ControlHandle {
            shared: Arc::clone(&shared),
        },
        ControlQueue { shared },
    )
}

impl ControlHandle {
    /// Every request that is taken is answered exactly once; one that finds the queue full comes back.
    pub(crate) fn submit(&self, request: ControlRequest, reply: Reply) -> Result<(), Envelope> {
        if self.shared.stopped.load(Ordering::Acquire) {
            reply(ControlResponse::Unavailable);
            return Ok(());
        }
        self.shared.requests.push(Envelope { request, reply })?;
        self.shared.waker.wake();
        if self.shared.stopped.load(Ordering::Acquire) {
            // It stopped meanwhile and may not look again.
            self.shared.refuse_waiting();
        }
        Ok(())
    }

    pub(super) fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.shared.waker.wake();
    }
}

impl ControlQueue {
    pub(super) fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Acquire)
    }

    /// Waits until there is a request, or the end.
    pub(super) async fn ready(&self) {
        poll_fn(|context| {
            self.shared.waker.register(context.waker());
            if self.is_stopped() || !self.shared.requests.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    pub(super) fn take(&self) -> Option<Envelope> {
        self.shared.requests.pop()
    }
}

impl Drop for ControlQueue {
    /// A request that comes too late still gets its answer.
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.shared.refuse_waiting();
    }
}
