//! A map whose entries expire: they live in a fresh and a stale generation, and a swap drops the
//! stale one.
//!
//! Old entries are never searched for. With an age, a swap comes after each two thirds of it, so an
//! entry lives between 0.67 and 1.33 of it since it was last added; a full fresh generation swaps
//! too, so the map never exceeds twice the size, in entries and in bytes.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    mem,
};

/// The map; see the module's description.
#[derive(Debug)]
pub struct Generations<K, V, S = RandomState> {
    /// Each with its bytes.
    fresh: HashMap<K, (V, usize), S>,
    stale: HashMap<K, (V, usize), S>,
    size: usize,
    /// Of the fresh generation, as counted by the callers of `insert`.
    bytes: usize,
    max_bytes: usize,
    every: Option<u64>,
    swap_at: u64,
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> Generations<K, V, S> {
    /// A map of `size` entries and `max_bytes` per generation; they expire after `age` ms, or only
    /// when it is full.
    pub fn new(size: usize, max_bytes: usize, age: Option<u64>, now: u64) -> Self {
        let every = age.map(|age| (2 * age).div_ceil(3).max(1));
        Self {
            fresh: HashMap::default(),
            stale: HashMap::default(),
            size: size.max(1),
            bytes: 0,
            max_bytes,
            every,
            swap_at: every.map_or(u64::MAX, |every| now.saturating_add(every)),
        }
    }

    /// Swaps, if it is time.
    pub fn age(&mut self, now: u64) {
        let Some(every) = self.every else { return };
        if now >= self.swap_at {
            // After more than one missed swap the map is empty.
            if now >= self.swap_at.saturating_add(every) {
                self.swap();
            }
            self.swap();
            self.swap_at = now.saturating_add(every);
        }
    }

    /// When [`age`](Self::age) has something to do.
    pub fn swap_at(&self) -> u64 {
        self.swap_at
    }

    /// Adds or replaces an entry with this size in bytes, which becomes fresh. Returns the replaced
    /// value.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) -> Option<V> {
        let old = self.stale.remove(&key);
        let replaced = self.fresh.insert(key, (value, bytes));
        self.bytes += bytes;
        self.bytes -= replaced.as_ref().map_or(0, |(_, bytes)| *bytes);
        if self.fresh.len() > self.size || self.bytes > self.max_bytes {
            self.swap();
        }
        replaced.or(old).map(|(value, _)| value)
    }

    /// An entry, in either generation.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.fresh.get(key).or_else(|| self.stale.get(key)).map(|(value, _)| value)
    }

    /// An entry, to be changed in place.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.fresh.get_mut(key).or_else(|| self.stale.get_mut(key)).map(|(value, _)| value)
    }

    /// Removes an entry.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let fresh = self.fresh.remove(key);
        self.bytes -= fresh.as_ref().map_or(0, |(_, bytes)| *bytes);
        fresh.or_else(|| self.stale.remove(key)).map(|(value, _)| value)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.fresh.len() + self.stale.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn swap(&mut self) {
        self.stale = mem::take(&mut self.fresh);
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lives_two_to_four_thirds_of_the_age() {
        let mut map: Generations<_, _> = Generations::new(10, usize::MAX, Some(300), 0);
        map.insert("early", (), 1);
        for now in 1..200 {
            map.age(now);
            assert!(map.get(&"early").is_some());
        }
        map.insert("late", (), 1);
        map.age(200);
        assert_eq!(map.len(), 2);
        map.insert("late", (), 1);
        map.age(400);
        assert!(map.get(&"early").is_none() && map.get(&"late").is_some());
        map.age(600);
        assert!(map.is_empty());
    }

    #[test]
    fn a_long_sleep_forgets_everything() {
        let mut map: Generations<_, _> = Generations::new(10, usize::MAX, Some(300), 0);
        map.insert(1, (), 1);
        map.age(1_000);
        assert!(map.is_empty());
    }

    #[test]
    fn the_size_is_bounded_and_the_newest_stay() {
        let mut map: Generations<_, _> = Generations::new(10, usize::MAX, None, 0);
        for number in 0..1_000 {
            map.insert(number, number, 1);
            assert!(map.len() <= 21);
        }
        assert!((990..1_000).all(|number| map.get(&number) == Some(&number)));
        assert_eq!(map.insert(999, 0, 1), Some(999));
        assert_eq!(map.remove(&999), Some(0));
        assert_eq!(map.get(&999), None);
    }

    #[test]
    fn the_bytes_are_bounded() {
        let mut map: Generations<_, _> = Generations::new(1_000, 100, None, 0);
        for number in 0..1_000 {
            map.insert(number, number, 30);
            assert!(map.len() <= 7);
        }
        assert_eq!(map.get(&999), Some(&999));
    }
}
