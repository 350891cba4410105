//! A membership as bytes: the payload of a membership entry.
//!
//! Pure. Layout, big endian: version 1 (u8), then voters, outgoing and learners (each u8 count, u64 ids), then
//! attributes (u8 count, then u64 id, u16 length, bytes). Decoding is total and keeps the sets' invariants.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::{ATTRIBUTES_BYTES_MAX, MEMBERS_MAX, Membership};
use crate::entry::NodeId;

const VERSION: u8 = 1;

/// Why bytes are not a membership.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum MembershipDecodeError {
    /// The version is unknown.
    #[error("unknown membership version {0}")]
    UnknownVersion(u8),
    /// The bytes end too early.
    #[error("membership is cut off")]
    Truncated,
    /// Bytes are left over.
    #[error("{0} bytes follow the membership")]
    TrailingBytes(usize),
    /// A set is not sorted, sets overlap, there are too many members, or an attribute is too long or of a stranger.
    #[error("membership sets are not well formed")]
    NotWellFormed,
}

impl Membership {
    /// The payload of a membership entry.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(VERSION);
        for set in [&self.voters, &self.outgoing, &self.learners] {
            put_count(&mut out, set.len());
            set.iter().for_each(|id| out.put_u64(id.0));
        }
        put_count(&mut out, self.attributes.len());
        for (id, bytes) in &self.attributes {
            out.put_u64(id.0);
            out.put_u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
            out.put_slice(bytes);
        }
        out.freeze()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, MembershipDecodeError> {
        let input = &mut bytes;
        let version = read_u8(input)?;
        if version != VERSION {
            return Err(MembershipDecodeError::UnknownVersion(version));
        }
        let mut membership = Self {
            voters: read_set(input)?,
            outgoing: read_set(input)?,
            learners: read_set(input)?,
            ..Self::default()
        };
        for _ in 0..read_u8(input)? {
            if input.remaining() < 10 {
                return Err(MembershipDecodeError::Truncated);
            }
            let id = NodeId(input.get_u64());
            let length = usize::from(input.get_u16());
            let Some((attribute, rest)) = input.split_at_checked(length) else {
                return Err(MembershipDecodeError::Truncated);
            };
            let previous = membership
                .attributes
                .insert(id, Bytes::copy_from_slice(attribute));
            if previous.is_some() {
                return Err(MembershipDecodeError::NotWellFormed);
            }
            *input = rest;
        }
        if !input.is_empty() {
            return Err(MembershipDecodeError::TrailingBytes(input.len()));
        }
        if membership.is_well_formed() {
            Ok(membership)
        } else {
            Err(MembershipDecodeError::NotWellFormed)
        }
    }

    fn is_well_formed(&self) -> bool {
        let attributes_fit = self
            .attributes
            .iter()
            .all(|(id, a)| self.contains(*id) && a.len() <= ATTRIBUTES_BYTES_MAX);
        !self.voters.is_empty()
            && !self.learners.iter().any(|id| self.voters.contains(id))
            && self.members().count() <= MEMBERS_MAX
            && attributes_fit
    }
}

fn put_count(out: &mut BytesMut, count: usize) {
    debug_assert!(count <= MEMBERS_MAX);
    out.put_u8(u8::try_from(count).unwrap_or(u8::MAX));
}

fn read_u8(input: &mut &[u8]) -> Result<u8, MembershipDecodeError> {
    if input.is_empty() {
        return Err(MembershipDecodeError::Truncated);
    }
    Ok(input.get_u8())
}

fn read_set(input: &mut &[u8]) -> Result<Vec<NodeId>, MembershipDecodeError> {
    let count = usize::from(read_u8(input)?);
    if input.remaining() < count * 8 {
        return Err(MembershipDecodeError::Truncated);
    }
    let ids: Vec<NodeId> = (0..count).map(|_| NodeId(input.get_u64())).collect();
    if ids.is_sorted_by(|a, b| a < b) {
        Ok(ids)
    } else {
        Err(MembershipDecodeError::NotWellFormed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decode_gives_back_what_encode_took(
            voters in prop::collection::btree_set(0_u64..40, 1..8),
            outgoing in prop::collection::btree_set(0_u64..40, 0..8),
            learners in prop::collection::btree_set(0_u64..40, 0..8),
            attribute in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let first = NodeId(*voters.first().unwrap());
            let mut membership = Membership::new(
                voters.into_iter().map(NodeId),
                learners.into_iter().map(NodeId),
            );
            membership.outgoing = outgoing.into_iter().map(NodeId).collect();
            membership.attributes.insert(first, Bytes::from(attribute));
            prop_assert_eq!(Membership::decode(&membership.encode()), Ok(membership));
        }

        #[test]
        fn decode_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(membership) = Membership::decode(&bytes) {
                prop_assert_eq!(membership.encode(), Bytes::from(bytes));
            }
        }

        #[test]
        fn decode_refuses_every_prefix(cut in 0_usize..26) {
            let whole = Membership::new([NodeId(1), NodeId(2)], [NodeId(3)]).encode();
            prop_assume!(cut < whole.len());
            prop_assert!(Membership::decode(&whole[..cut]).is_err());
        }
    }
}
