//! The vectors of a gathered write or send: what they point to, and what is left after a part
//! of it is done. Pure.

use std::ops::Deref;

use bytes::Bytes;

use crate::extent::ExtentSlice;

/// How many vectors one operation takes.
const VECTORS_MAX: usize = 1024;

/// A piece of what [`Ring::send`](super::Ring::send) sends.
#[derive(Debug, Clone)]
pub enum SendPart {
    Bytes(Bytes),
    Extent(ExtentSlice),
}

impl From<Bytes> for SendPart {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<ExtentSlice> for SendPart {
    fn from(slice: ExtentSlice) -> Self {
        Self::Extent(slice)
    }
}

impl Deref for SendPart {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Extent(slice) => slice,
        }
    }
}

/// Parts, and the vectors that point to what is left of them.
pub(super) struct Vectors<P> {
    parts: Vec<P>,
    vectors: Vec<libc::iovec>,
    /// Vectors that are done.
    done: usize,
}

impl<P> Vectors<P> {
    pub(super) fn new(
        parts: impl IntoIterator<Item = P>,
        range: impl Fn(&P) -> (*const u8, usize),
    ) -> Self {
        let mut vectors = Self::empty();
        vectors.fill(parts, range);
        vectors
    }

    fn empty() -> Self {
        Self {
            parts: Vec::new(),
            vectors: Vec::new(),
            done: 0,
        }
    }

    pub(super) fn parts(&self) -> &[P] {
        &self.parts
    }

    /// The memory that it has is used again.
    fn fill(
        &mut self,
        parts: impl IntoIterator<Item = P>,
        range: impl Fn(&P) -> (*const u8, usize),
    ) {
        self.clear();
        self.parts.extend(parts);
        let ranges = self.parts.iter().map(range).filter(|(_, len)| *len > 0);
        self.vectors.extend(ranges.map(|(start, len)| libc::iovec {
            iov_base: start.cast_mut().cast(),
            iov_len: len,
        }));
    }

    fn clear(&mut self) {
        self.parts.clear();
        self.vectors.clear();
        self.done = 0;
    }

    /// Takes `count` bytes off the front.
    pub(super) fn advance(&mut self, mut count: usize) {
        while let Some(vector) = self.vectors.get_mut(self.done) {
            if count < vector.iov_len {
                vector.iov_base = vector.iov_base.cast::<u8>().wrapping_add(count).cast();
                vector.iov_len -= count;
                return;
            }
            count -= vector.iov_len;
            self.done += 1;
        }
        assert!(count == 0, "the kernel took more than there was");
    }

    pub(super) fn is_done(&self) -> bool {
        self.done == self.vectors.len()
    }

    pub(super) fn left(&mut self) -> &mut [libc::iovec] {
        let end = self.vectors.len().min(self.done + VECTORS_MAX);
        &mut self.vectors[self.done..end]
    }
}

/// What goes out on a socket. Boxed and reused: the message header must not move.
pub(super) struct Outgoing {
    pub(super) parts: Vectors<SendPart>,
    pub(super) header: libc::msghdr,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        let header = libc::msghdr {
            msg_name: std::ptr::null_mut(),
            msg_namelen: 0,
            msg_iov: std::ptr::null_mut(),
            msg_iovlen: 0,
            msg_control: std::ptr::null_mut(),
            msg_controllen: 0,
            msg_flags: 0,
        };
        Self {
            parts: Vectors::empty(),
            header,
        }
    }

    pub(super) fn fill(&mut self, parts: impl IntoIterator<Item = SendPart>) {
        self.parts.fill(parts, |part| (part.as_ptr(), part.len()));
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.parts.advance(count);
    }

    pub(super) fn is_done(&self) -> bool {
        self.parts.is_done()
    }

    /// Lets go of what the parts hold, unless they are many also of their memory.
    pub(super) fn clear(&mut self) {
        const KEPT_MAX: usize = 64;
        self.parts.clear();
        self.parts.parts.shrink_to(KEPT_MAX);
        self.parts.vectors.shrink_to(KEPT_MAX);
    }
}
