//! The control thread's executor, with its settings and the poke that keeps it going. Shell.
//! Works around a trap of the executor: it can park while tasks are runnable. One waker is kept and
//! woken from an OS thread, which bounds such a stall by `POKE`. Latency queues, which make the trap
//! likely, are not used; the preemption timer is long, as nothing here is hot.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use glommio::{LocalExecutor, LocalExecutorBuilder, Placement, PoolPlacement};

/// Registered three times; small enough for the usual limit of locked memory, 8 MiB.
const IO_MEMORY_BYTES: usize = 1 << 20;
const RING_DEPTH: usize = 128;
const PREEMPT_TIMER: Duration = Duration::from_millis(100);
const POKE: Duration = Duration::from_millis(50);

pub(crate) fn make() -> Result<LocalExecutor, String> {
    LocalExecutorBuilder::new(Placement::Unbound)
        .name("control")
        .io_memory(IO_MEMORY_BYTES)
        .ring_depth(RING_DEPTH)
        .preempt_timer(PREEMPT_TIMER)
        .blocking_thread_pool_placement(PoolPlacement::Unbound(1))
        .make()
        .map_err(|error| error.to_string())
}

/// Wakes the executor it was made on until it is dropped.
#[derive(Debug)]
pub(crate) struct Poke {
    shared: Arc<PokeState>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct PokeState {
    waker: OnceLock<Waker>,
    stopped: AtomicBool,
}

impl Poke {
    /// Call this on the executor. `on_poke` runs there each time.
    pub(crate) fn start(on_poke: impl Fn() + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(PokeState::default());
        let state = Arc::clone(&shared);
        let never_ready = poll_fn(move |context| {
            state.waker.get_or_init(|| context.waker().clone());
            on_poke();
            if state.stopped.load(Ordering::Acquire) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        glommio::spawn_local(never_ready).detach();
        let state = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name(String::from("control-poke"))
            .spawn(move || {
                while !state.stopped.load(Ordering::Acquire) {
                    thread::park_timeout(POKE);
                    if let Some(waker) = state.waker.get() {
                        waker.wake_by_ref();
                    }
                }
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }
}

impl Drop for Poke {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A poke that panicked has nothing more to say.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn an_executor_that_sleeps_is_woken_again_and_again() {
        let pokes = make().unwrap().run(async {
            let pokes = Rc::new(Cell::new(0));
            let counter = Rc::clone(&pokes);
            let poke = Poke::start(move || counter.set(counter.get() + 1)).unwrap();
            glommio::timer::sleep(Duration::from_millis(600)).await;
            drop(poke);
            pokes.get()
        });
        assert!((5..=30).contains(&pokes), "{pokes} pokes in 600 ms");
    }
}
