//! A map for images: cheap to clone, and a change copies one bucket, not the whole map.
//! Owns: `BucketMap`, a fixed fan-out of reference-counted hash maps. Pure.
//! Surprise: iteration order is arbitrary; callers that page through names sort them first.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::FixedState;

/// With 10,000 topics a bucket holds about 40 entries, so one created topic copies 40 pointers.
const BUCKETS: usize = 256;

type Bucket<K, V> = HashMap<K, V, FixedState>;

#[derive(Clone, Debug)]
pub(crate) struct BucketMap<K, V> {
    buckets: Arc<[Arc<Bucket<K, V>>]>,
    len: usize,
}

impl<K, V> Default for BucketMap<K, V> {
    fn default() -> Self {
        let empty = Arc::new(Bucket::default());
        Self {
            buckets: Arc::from(vec![empty; BUCKETS]),
            len: 0,
        }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> BucketMap<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.buckets
            .get(bucket_of(key))
            .and_then(|bucket| bucket.get(key))
    }

    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let old = self.bucket_mut(bucket_of(&key)).insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    pub(crate) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let old = self.bucket_mut(bucket_of(key)).remove(key);
        self.len -= usize::from(old.is_some());
        old
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.buckets.iter().flat_map(|bucket| bucket.iter())
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    fn bucket_mut(&mut self, index: usize) -> &mut Bucket<K, V> {
        Arc::make_mut(&mut Arc::make_mut(&mut self.buckets)[index])
    }
}

impl<K: Hash + Eq + Clone, V: Clone + PartialEq> PartialEq for BucketMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && self
                .iter()
                .all(|(key, value)| other.get(key) == Some(value))
    }
}

fn bucket_of<Q: Hash + ?Sized>(key: &Q) -> usize {
    // The top byte: the hash maps inside use the low bits.
    usize::from(FixedState::default().hash_one(key).to_be_bytes()[0])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_clone_keeps_what_it_held_when_the_original_changes() {
        let mut map = BucketMap::default();
        map.insert(String::from("a"), 1);
        let before = map.clone();
        map.insert(String::from("a"), 2);
        map.insert(String::from("b"), 3);
        assert_eq!(before.get("a"), Some(&1));
        assert_eq!(before.len(), 1);
        assert_eq!(map.get("a"), Some(&2));
        assert_eq!(map.len(), 2);
    }

    proptest! {
        #[test]
        fn it_behaves_as_an_ordinary_map(steps in prop::collection::vec((0_u16..400, any::<bool>()), 0..300)) {
            let mut map = BucketMap::default();
            let mut model = BTreeMap::new();
            for (key, insert) in steps {
                if insert {
                    prop_assert_eq!(map.insert(key, key), model.insert(key, key));
                } else {
                    prop_assert_eq!(map.remove(&key), model.remove(&key));
                }
                prop_assert_eq!(map.len(), model.len());
            }
            let collected: BTreeMap<_, _> = map.iter().map(|(key, value)| (*key, *value)).collect();
            prop_assert_eq!(collected, model);
        }
    }
}
