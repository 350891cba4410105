//! Accepting connections: one operation for many of them where the kernel can do that.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use super::action::{Action, SocketAction};
use super::features::Feature;
use super::slots::OpId;
use super::sockets::{Listener, Socket};
use super::{Ring, count, sys};
use crate::tasks;

/// How long a lack of descriptors or memory keeps the stream from accepting.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The connections of a listener; dropping it stops accepting.
#[derive(Debug)]
pub struct AcceptStream {
    ring: Ring,
    listener: Listener,
    under_way: Option<OpId>,
    back_off: bool,
}

impl Ring {
    /// Accepts connections, in non-blocking mode.
    pub fn accept_multi(&self, listener: &Listener) -> AcceptStream {
        let (ring, listener) = (self.clone(), listener.clone());
        AcceptStream {
            ring,
            listener,
            under_way: None,
            back_off: false,
        }
    }
}

impl AcceptStream {
    /// The next connection. After an error the stream goes on; when it was for lack of
    /// descriptors or memory, after a pause.
    ///
    /// # Errors
    /// As accept(2).
    pub async fn next(&mut self) -> io::Result<Socket> {
        loop {
            if std::mem::take(&mut self.back_off) {
                self.back_off = true;
                tasks::sleep(BACK_OFF).await;
                self.back_off = false;
            }
            let (result, raw) = if self.ring.features().has(Feature::MultishotAccept) {
                self.next_of_many().await
            } else {
                self.next_single().await
            };
            match result {
                Ok(_) => return Ok(Socket::from_accepted(sys::own(raw))),
                Err(error) => match error.raw_os_error() {
                    // The peer, or the kernel, gave up: not an error of ours.
                    Some(libc::ECONNABORTED | libc::ECANCELED | libc::EINTR | libc::EAGAIN) => {}
                    Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                        self.back_off = true;
                        return Err(error);
                    }
                    Some(_) | None => return Err(error),
                },
            }
        }
    }

    #[cfg(test)]
    pub(super) fn back_off_for_tests(&mut self) {
        self.back_off = true;
    }

    async fn next_single(&self) -> (io::Result<usize>, i32) {
        let action = Action::Socket(SocketAction::Accept {
            listener: self.listener.clone(),
            many: false,
        });
        let (result, completion, _) = self.ring.run(action).await;
        (result, completion.result)
    }

    async fn next_of_many(&mut self) -> (io::Result<usize>, i32) {
        loop {
            let id = *self.under_way.get_or_insert_with(|| {
                let action = Action::Socket(SocketAction::Accept {
                    listener: self.listener.clone(),
                    many: true,
                });
                self.ring.0.start(action, false)
            });
            let slots = &self.ring.0.slots;
            let arrived = poll_fn(|context| slots.borrow_mut().poll_stream(id, context)).await;
            if let Some(completion) = arrived {
                return (count(completion), completion.result);
            }
            self.under_way = None;
            self.ring.0.abandon(id);
        }
    }
}

impl Drop for AcceptStream {
    fn drop(&mut self) {
        if let Some(id) = self.under_way {
            self.ring.0.abandon(id);
        }
    }
}
