//! The bytes of one file, page by page: pages that were never written are zeros. Pure.

use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) const PAGE: usize = 4096;
pub(crate) const SECTOR: usize = 512;
const PAGE_BYTES: u64 = PAGE as u64;

pub(crate) type Page = Rc<[u8; PAGE]>;

/// Cheap to copy: pages are shared until they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    len: u64,
    pages: BTreeMap<u64, Page>,
}

impl Content {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// As pread(2): what there is from `position` on.
    pub(crate) fn read(&self, position: u64, into: &mut [u8]) -> usize {
        let there = usize::try_from(self.len.saturating_sub(position)).unwrap();
        let count = there.min(into.len());
        for (page, at, piece) in pieces(position, count) {
            let to = &mut into[at.clone()];
            match self.pages.get(&page) {
                Some(bytes) => to.copy_from_slice(&bytes[piece..piece + at.len()]),
                None => to.fill(0),
            }
        }
        count
    }

    /// As pwrite(2).
    pub(crate) fn write(&mut self, position: u64, bytes: &[u8]) {
        for (page, at, piece) in pieces(position, bytes.len()) {
            let length = at.len();
            self.page_mut(page)[piece..piece + length].copy_from_slice(&bytes[at]);
        }
        self.len = self.len.max(position + bytes.len() as u64);
    }

    /// As ftruncate(2).
    pub(crate) fn set_len(&mut self, len: u64) {
        if len < self.len {
            drop(self.pages.split_off(&len.div_ceil(PAGE_BYTES)));
            let within = usize::try_from(len % PAGE_BYTES).unwrap();
            if within > 0 && self.pages.contains_key(&(len / PAGE_BYTES)) {
                self.page_mut(len / PAGE_BYTES)[within..].fill(0);
            }
        }
        self.len = len;
    }

    pub(crate) fn page(&self, page: u64) -> Option<Page> {
        self.pages.get(&page).cloned()
    }

    /// Makes a page what it is in another file, or in another state of this one.
    pub(crate) fn set_page(&mut self, page: u64, bytes: Option<Page>) {
        match bytes {
            Some(bytes) => self.pages.insert(page, bytes),
            None => self.pages.remove(&page),
        };
    }

    pub(crate) fn page_mut(&mut self, page: u64) -> &mut [u8; PAGE] {
        let bytes = self.pages.entry(page);
        Rc::make_mut(bytes.or_insert_with(|| Rc::new([0; PAGE])))
    }
}

/// The pages of a range.
pub(crate) fn pages_of(position: u64, bytes: u64) -> std::ops::Range<u64> {
    position / PAGE_BYTES..(position + bytes).div_ceil(PAGE_BYTES)
}

/// A range cut at the pages: page, range of the bytes, place in the page.
fn pieces(
    position: u64,
    bytes: usize,
) -> impl Iterator<Item = (u64, std::ops::Range<usize>, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at == bytes {
            return None;
        }
        let here = position + at as u64;
        let within = usize::try_from(here % PAGE_BYTES).unwrap();
        let length = (PAGE - within).min(bytes - at);
        let range = at..at + length;
        at += length;
        Some((here / PAGE_BYTES, range, within))
    })
}
