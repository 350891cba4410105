//! The application on top: a few registers, changed by the log only.

use bytes::{Buf, BufMut, Bytes, BytesMut};

pub(crate) const KEYS: usize = 3;

/// A write of a value that no other write has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Write {
    pub(crate) key: usize,
    pub(crate) value: u64,
}

impl Write {
    /// `padding` makes entries of different sizes.
    pub(crate) fn encode(self, padding: usize) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u64(self.key as u64);
        out.put_u64(self.value);
        out.put_bytes(0, padding);
        out.freeze()
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Self {
        let key = usize::try_from(bytes.get_u64()).unwrap();
        Self {
            key,
            value: bytes.get_u64(),
        }
    }
}

/// The registers after some entry, with a digest of everything that was applied.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Registers {
    pub(crate) applied: u64,
    pub(crate) digest: u64,
    pub(crate) values: [u64; KEYS],
}

impl Registers {
    pub(crate) fn apply(&mut self, entry: &raft::Entry) {
        self.applied = entry.index;
        self.digest = mix(self.digest, digest(entry));
        if entry.kind == raft::EntryKind::Data {
            let write = Write::decode(&entry.payload);
            self.values[write.key] = write.value;
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u64(self.applied);
        out.put_u64(self.digest);
        self.values.iter().for_each(|value| out.put_u64(*value));
        out.freeze()
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::default(); // the initial snapshot
        }
        let (applied, digest) = (bytes.get_u64(), bytes.get_u64());
        Self {
            applied,
            digest,
            values: std::array::from_fn(|_| bytes.get_u64()),
        }
    }
}

/// What tells an entry from any other.
pub(crate) fn digest(entry: &raft::Entry) -> u64 {
    let kind = entry.kind as u64;
    let payload = u64::from(crc32(&entry.payload)) | ((entry.payload.len() as u64) << 32);
    mix(mix(entry.index, entry.term), mix(kind, payload))
}

fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811C_9DC5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

fn mix(a: u64, b: u64) -> u64 {
    let z = (a.rotate_left(17) ^ b).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    z ^ (z >> 32)
}
