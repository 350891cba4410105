//! The tasks of one thread: plain futures that never leave it, run in turns between the ring's
//! completions. A turn: handle completions, ask the sources (mailbox), fire timers, run the ready
//! tasks, then those that wait for the end of the turn (the journal's commit), submit; the thread
//! sleeps only when nothing is runnable. Shell.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_task::Runnable;
pub use async_task::Task;
use crossbeam_queue::SegQueue;

use crate::clock;
use crate::ring::{Notifier, Ring};
use crate::timers::{TimerId, Timers};

/// Bounds how long completions wait for the tasks of one turn.
const POLLS_PER_TURN: usize = 1024;

/// Where wakers on other threads find this one.
struct Home {
    woken_elsewhere: SegQueue<Runnable>,
    #[expect(
        clippy::disallowed_types,
        reason = "locked only by wake-ups from other threads"
    )]
    notifier: std::sync::Mutex<Option<Notifier>>,
}

impl Home {
    fn notify(&self) {
        let notifier = self.notifier.lock().map(|notifier| notifier.clone());
        if let Ok(Some(notifier)) = notifier {
            notifier.notify();
        }
    }
}

struct Local {
    home: Arc<Home>,
    ready: RefCell<VecDeque<Runnable>>,
    turn_end: RefCell<Vec<Waker>>,
    timers: RefCell<Timers>,
    running: Cell<bool>,
}

thread_local! {
    static LOCAL: Local = Local {
        home: Arc::new(Home { woken_elsewhere: SegQueue::new(), notifier: None.into() }),
        ready: RefCell::default(),
        turn_end: RefCell::default(),
        timers: RefCell::default(),
        running: Cell::new(false),
    };
}

/// Starts a task on this thread. Dropping the [`Task`] cancels it; `detach` lets it go.
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    let home = LOCAL.with(|local| Arc::clone(&local.home));
    let (runnable, task) =
        async_task::spawn_local(future, move |runnable| schedule(&home, runnable));
    runnable.schedule();
    task
}

// In a function of its own: it runs on every wake-up, and on whatever thread wakes.
fn schedule(home: &Arc<Home>, runnable: Runnable) {
    let mut runnable = Some(runnable);
    let pushed = LOCAL.try_with(|local| {
        if Arc::ptr_eq(&local.home, home) {
            local.ready.borrow_mut().extend(runnable.take());
        }
    });
    if let (Some(runnable), Ok(()) | Err(_)) = (runnable, pushed) {
        home.woken_elsewhere.push(runnable);
        home.notify();
    }
}

/// Lets the other ready tasks run first.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Resolves when the other ready tasks of this turn have run, just before the ring submits.
pub async fn turn_end() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        LOCAL.with(|local| local.turn_end.borrow_mut().push(context.waker().clone()));
        Poll::Pending
    })
    .await;
}

/// Resolves after `duration`, up to 10 ms later.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        deadline: clock::monotonic().saturating_add(duration),
        exact: false,
        timer: None,
    }
}

/// Resolves when the monotonic clock has reached `deadline`, as exactly as the kernel wakes this
/// thread: a wake-up of its own, for those whose moment matters.
pub fn sleep_until(deadline: Duration) -> Sleep {
    Sleep {
        deadline,
        exact: true,
        timer: None,
    }
}

/// The future of [`sleep`] and [`sleep_until`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    deadline: Duration,
    exact: bool,
    timer: Option<TimerId>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if clock::monotonic() >= self.deadline {
            return Poll::Ready(());
        }
        LOCAL.with(|local| {
            let mut timers = local.timers.borrow_mut();
            match self.timer {
                Some(timer) => timers.update(timer, context.waker()),
                None => {
                    let waker = context.waker().clone();
                    self.timer = Some(if self.exact {
                        timers.insert_exact(self.deadline, waker)
                    } else {
                        timers.insert(self.deadline, waker)
                    });
                }
            }
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let Some(timer) = self.timer else { return };
        // Outside the borrow: it may be the last reference to a task. At the thread's end the
        // timers may be gone before the tasks.
        drop(LOCAL.try_with(|local| local.timers.borrow_mut().remove(timer)));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time allowed has passed")]
pub struct Elapsed;

/// Waits for `future`, but not much longer than `duration`.
///
/// # Errors
/// [`Elapsed`] when the time is over first; the future is dropped then.
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut over = sleep(duration);
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut over).poll(context).map(|()| Err(Elapsed))
    })
    .await
}

/// The root future's waker.
struct Root {
    home: Arc<Home>,
    woken: AtomicBool,
}

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let here = LOCAL.try_with(|local| Arc::ptr_eq(&local.home, &self.home));
        if here != Ok(true) {
            self.home.notify();
        }
    }
}

type Source = Box<dyn FnMut() -> bool>;

/// Drives one thread's ring and tasks.
pub struct Scheduler {
    ring: Ring,
    sources: Rc<RefCell<Vec<Source>>>,
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}

impl Scheduler {
    pub fn new(ring: Ring) -> Self {
        LOCAL.with(|local| {
            if let Ok(mut notifier) = local.home.notifier.lock() {
                *notifier = Some(ring.notifier());
            }
        });
        Self {
            ring,
            sources: Rc::default(),
        }
    }

    /// Adds what is asked once every turn for work from outside, such as a mailbox: it takes what
    /// is there (a bounded part of it) and says whether more is left, so that the thread must not
    /// sleep. Who puts work there afterwards calls [`Notifier::notify`].
    pub fn add_source(&self, source: impl FnMut() -> bool + 'static) {
        self.sources.borrow_mut().push(Box::new(source));
    }

    /// Runs turns until `future` is done. Other tasks stay where they are then.
    ///
    /// # Panics
    /// When called inside a task of the same thread.
    pub fn run_until<F: Future>(&self, future: F) -> F::Output {
        let _running = Running::begin();
        let mut future = pin!(future);
        let home = LOCAL.with(|local| Arc::clone(&local.home));
        let root = Arc::new(Root {
            home,
            woken: AtomicBool::new(true),
        });
        let waker = Waker::from(Arc::clone(&root));
        let mut context = Context::from_waker(&waker);
        loop {
            self.ring.reap();
            let more = self.take_outside_work();
            if root.woken.swap(false, Ordering::AcqRel)
                && let Poll::Ready(output) = future.as_mut().poll(&mut context)
            {
                self.settle();
                return output;
            }
            run_ready(POLLS_PER_TURN);
            if wake_turn_end() {
                run_ready(POLLS_PER_TURN);
            }
            let busy = more
                || root.woken.load(Ordering::Acquire)
                || LOCAL.with(|local| !local.ready.borrow().is_empty());
            if busy {
                self.ring.submit();
            } else {
                self.ring.wait(until_next_timer());
            }
        }
    }

    /// Lets the cancellations of what `future` dropped take effect: the thread may not come back.
    fn settle(&self) {
        self.ring.submit();
        self.ring.submit();
        self.ring.reap();
    }

    fn take_outside_work(&self) -> bool {
        LOCAL.with(|local| {
            while let Some(runnable) = local.home.woken_elsewhere.pop() {
                local.ready.borrow_mut().push_back(runnable);
            }
        });
        fire_timers();
        let mut more = false;
        for source in self.sources.borrow_mut().iter_mut() {
            more |= source();
        }
        more
    }
}

/// Runs `future` and this thread's tasks until `future` is done.
pub fn block_on<F: Future>(ring: &Ring, future: F) -> F::Output {
    Scheduler::new(ring.clone()).run_until(future)
}

/// Marks that this thread runs turns.
struct Running;

impl Running {
    fn begin() -> Self {
        let nested = LOCAL.with(|local| local.running.replace(true));
        assert!(!nested, "a scheduler already runs on this thread");
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        LOCAL.with(|local| local.running.set(false));
    }
}

fn run_ready(polls_max: usize) {
    for _ in 0..polls_max {
        let next = LOCAL.with(|local| local.ready.borrow_mut().pop_front());
        let Some(runnable) = next else { return };
        runnable.run();
    }
}

fn wake_turn_end() -> bool {
    let mut wakers = LOCAL.with(|local| local.turn_end.take());
    let woken = !wakers.is_empty();
    for waker in wakers.drain(..) {
        waker.wake();
    }
    LOCAL.with(|local| {
        let mut waiting = local.turn_end.borrow_mut();
        if waiting.is_empty() {
            *waiting = wakers;
        }
    });
    woken
}

fn fire_timers() {
    let waiting = LOCAL.with(|local| local.timers.borrow().next().is_some());
    if !waiting {
        return;
    }
    let now = clock::monotonic();
    while let Some(waker) = LOCAL.with(|local| local.timers.borrow_mut().pop_due(now)) {
        waker.wake();
    }
}

fn until_next_timer() -> Option<Duration> {
    let next = LOCAL.with(|local| local.timers.borrow().next())?;
    Some(next.saturating_sub(clock::monotonic()))
}
