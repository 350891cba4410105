//! One file: what a process sees of it (the page cache) and what the medium has. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::content::{Content, PAGE, SECTOR, pages_of};
use crate::simulation::random::Random;

#[derive(Debug, Default)]
pub(crate) struct File {
    /// What reads see.
    pub(crate) now: Content,
    /// What is left after a power cut.
    durable: Content,
    /// Pages that the medium lacks, with the moment from which it does.
    dirty: BTreeMap<u64, u64>,
    /// The medium has another length since.
    len_changed: Option<u64>,
    /// Pages whose sync failed: the medium lacks what reads see.
    lost: BTreeSet<u64>,
    /// Pages written past the page cache, durably.
    direct: BTreeSet<u64>,
    pub(crate) modified: Duration,
}

impl File {
    /// A write through the page cache, or one past it that need not last.
    pub(crate) fn write(&mut self, position: u64, bytes: &[u8], moment: u64) {
        if position + bytes.len() as u64 > self.now.len() {
            self.len_changed.get_or_insert(moment);
        }
        self.now.write(position, bytes);
        for page in pages_of(position, bytes.len() as u64) {
            self.dirty.entry(page).or_insert(moment);
            self.lost.remove(&page);
        }
    }

    /// A write that lasts. What else is dirty in its pages may come along.
    pub(crate) fn write_durably(&mut self, position: u64, bytes: &[u8], moment: u64) {
        self.write(position, bytes, moment);
        self.durable.write(position, bytes);
        let whole = |page: &u64| {
            let start = page * PAGE as u64;
            position <= start && start + PAGE as u64 <= position + bytes.len() as u64
        };
        for page in pages_of(position, bytes.len() as u64).filter(whole) {
            self.dirty.remove(&page);
            self.direct.insert(page);
        }
        if self.durable.len() == self.now.len() {
            self.len_changed = None;
        }
    }

    pub(crate) fn set_len(&mut self, len: u64, moment: u64) {
        if len == self.now.len() {
            return;
        }
        let old = self.now.len();
        self.now.set_len(len);
        self.len_changed.get_or_insert(moment);
        drop(self.dirty.split_off(&len.div_ceil(PAGE as u64)));
        // What the medium has there is older than the zeros that are there now.
        for page in pages_of(old.min(len), old.max(len) - old.min(len)) {
            if page * (PAGE as u64) < len {
                self.dirty.entry(page).or_insert(moment);
            }
        }
    }

    /// Everything from before `moment` is on the medium; what came later may be.
    pub(crate) fn sync(&mut self, moment: u64, random: &mut Random) {
        if self.len_changed.is_some_and(|since| since <= moment) || random.chance(500) {
            self.durable.set_len(self.now.len());
            self.len_changed = None;
        }
        let dirty = std::mem::take(&mut self.dirty);
        for (page, since) in dirty {
            if since <= moment || random.chance(500) {
                self.durable.set_page(page, self.now.page(page));
            } else {
                self.dirty.insert(page, since);
            }
        }
    }

    /// A sync that failed: the pages count as clean, although the medium may lack them.
    pub(crate) fn sync_failed(&mut self, random: &mut Random) {
        for page in std::mem::take(&mut self.dirty).into_keys() {
            if random.chance(300) {
                self.durable.set_page(page, self.now.page(page));
            } else {
                self.lost.insert(page);
            }
        }
    }

    /// What a power cut in the middle of a durable write leaves: any of its sectors.
    pub(crate) fn tear(&mut self, position: u64, bytes: &[u8], random: &mut Random) {
        let kept = random.choose(&[0, 300, 700, 1000]);
        for (at, sector) in bytes.chunks(SECTOR).enumerate() {
            if random.chance(kept) {
                self.durable.write(position + (at * SECTOR) as u64, sector);
            }
        }
    }

    /// The power was cut: of what the medium lacked it has any part.
    pub(crate) fn lose_power(&mut self, random: &mut Random) {
        if self.len_changed.take().is_some() && random.chance(500) {
            self.durable.set_len(self.now.len());
        }
        let kept = random.choose(&[0, 500, 1000]);
        let torn = random.chance(300);
        for page in std::mem::take(&mut self.dirty).into_keys() {
            if page * PAGE as u64 >= self.durable.len() {
                continue;
            }
            if torn && random.chance(500) {
                self.keep_sectors(page, random);
            } else if random.chance(kept) {
                self.durable.set_page(page, self.now.page(page));
            }
        }
        self.lost.clear();
        self.now = self.durable.clone();
    }

    fn keep_sectors(&mut self, page: u64, random: &mut Random) {
        let newer = self.now.page(page);
        let to = self.durable.page_mut(page);
        for start in (0..PAGE).step_by(SECTOR) {
            if random.chance(500) {
                let sector = start..start + SECTOR;
                match &newer {
                    Some(newer) => to[sector.clone()].copy_from_slice(&newer[sector]),
                    None => to[sector].fill(0),
                }
            }
        }
    }

    /// The process is gone, the kernel is not. Pages whose sync failed are read from the medium
    /// again: so the next process does, past the page cache.
    pub(crate) fn lose_process(&mut self) {
        for page in std::mem::take(&mut self.lost) {
            self.now.set_page(page, self.durable.page(page));
        }
    }

    /// Whether a page was written past the page cache, durably.
    pub(crate) fn is_direct(&self, page: u64) -> bool {
        self.direct.contains(&page)
    }

    /// Bits of the medium change.
    pub(crate) fn flip(&mut self, at: u64, bit: u8) {
        let (page, within) = (at / PAGE as u64, usize::try_from(at % PAGE as u64).unwrap());
        self.now.page_mut(page)[within] ^= 1 << bit;
        if at < self.durable.len() {
            self.durable.page_mut(page)[within] ^= 1 << bit;
        }
    }
}
