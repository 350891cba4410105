//! File system calls that block, off the executor's thread. Shell.
//! Works around a trap of the executor: a closure that panics there loses its worker and leaves the
//! waiting task hanging for ever. Here the panic comes back and goes on in the task.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

pub(crate) async fn run<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let caught = || catch_unwind(AssertUnwindSafe(work));
    match glommio::executor().spawn_blocking(caught).await {
        Ok(result) => result,
        Err(panic) => resume_unwind(panic),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::control::executor;

    #[test]
    fn a_panic_in_a_blocking_call_reaches_the_task_that_waits_for_it() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let executor = executor::make().unwrap();
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                executor.run(run(|| assert_eq!(1, 2, "meant to fail")));
            }));
            sender.send(outcome.is_err()).unwrap();
        });
        assert_eq!(
            receiver.recv_timeout(Duration::from_secs(5)),
            Ok(true),
            "the task hangs"
        );
        drop(thread);
    }
}
