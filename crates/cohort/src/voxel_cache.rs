//! An LRU cache of the voxels of cases, which are large; the rest of a case is small and always in memory.
//!
//! A [`VoxelCache`] holds the voxels of many cases up to a number of bytes. The others are fetched again when they are
//! asked for; [`Case::prefetch`](crate::Case::prefetch) begins to fetch a case on a thread of its own. Voxels that are
//! fetched again must be those of the first time, bit by bit: whatever the number of bytes, results are the same.

use crate::CohortError;
use lacuna_volume::ClassMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

/// The arrays of a scan: the network's input and the labels on both grids.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseVoxels {
    /// The network's input, `[C, D, H, W]` row-major.
    pub input: Vec<f32>,
    /// The classes on the network's output grid, `[D, H, W]` row-major; 255 is ignored.
    pub target: Vec<u8>,
    /// The classes on the image's own grid, where scores are taken.
    pub truth: ClassMap,
}

impl CaseVoxels {
    /// Returns the bytes of memory of the arrays.
    pub fn bytes(&self) -> u64 {
        (size_of_val(&*self.input) + self.target.len() + self.truth.voxels().len()) as u64
    }

    /// Add input, target and truth to a digest, in this order, numbers little-endian.
    pub fn hash_into(&self, hasher: &mut blake3::Hasher) {
        let input: Vec<[u8; 4]> = self.input.iter().map(|value| value.to_le_bytes()).collect();
        hasher.update(input.as_flattened()).update(&self.target).update(self.truth.voxels());
    }

    fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        self.hash_into(&mut hasher);
        *hasher.finalize().as_bytes()
    }
}

/// Reads and prepares the voxels of the case with this index again.
pub type Fetch = dyn Fn(usize) -> Result<CaseVoxels, CohortError> + Send + Sync;

/// An LRU cache of the voxels of cases by index, limited to a number of bytes.
pub struct VoxelCache {
    bytes_max: u64,
    fetch: Arc<Fetch>,
    slots: Mutex<Slots>,
}

struct Slots {
    slots: Vec<Slot>,
    /// Rises with every use, which orders the slots by their last use.
    uses: u64,
}

struct Slot {
    bytes: u64,
    digest: [u8; 32],
    state: State,
    /// The voxels that were returned last: while they are in use elsewhere, they need not be fetched.
    last: Weak<CaseVoxels>,
}

enum State {
    Away,
    Coming(JoinHandle<Result<CaseVoxels, CohortError>>),
    Here { voxels: Arc<CaseVoxels>, used: u64 },
}

impl VoxelCache {
    /// Creates an empty cache of at most `bytes_max` bytes, not counting voxels in use and those being fetched.
    pub fn new(bytes_max: u64, fetch: Arc<Fetch>) -> VoxelCache {
        VoxelCache { bytes_max, fetch, slots: Mutex::new(Slots { slots: Vec::new(), uses: 0 }) }
    }

    /// Adds voxels and returns their index; they stay in memory while there is room.
    pub fn put(&self, voxels: Arc<CaseVoxels>) -> usize {
        let mut slots = self.slots();
        let (bytes, digest) = (voxels.bytes(), voxels.digest());
        let fits = slots.bytes_held() + bytes <= self.bytes_max;
        let last = Arc::downgrade(&voxels);
        let state = if fits { State::Here { voxels, used: 0 } } else { State::Away };
        slots.slots.push(Slot { bytes, digest, state, last });
        slots.slots.len() - 1
    }

    /// Returns the voxels of an index, fetched if they are not in memory.
    ///
    /// # Errors
    /// That of fetching, or [`CohortError::Changed`] if the fetched voxels differ from those that were added.
    pub(crate) fn voxels(&self, index: usize) -> Result<Arc<CaseVoxels>, CohortError> {
        let mut slots = self.slots();
        let slot = &mut slots.slots[index];
        let voxels = match std::mem::replace(&mut slot.state, State::Away) {
            State::Here { voxels, .. } => voxels,
            State::Coming(fetching) => {
                let fetched = fetching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                Arc::new(slot.checked(fetched?)?)
            }
            State::Away => match slot.last.upgrade() {
                Some(in_use) => in_use,
                None => Arc::new(slot.checked((self.fetch)(index)?)?),
            },
        };
        slot.last = Arc::downgrade(&voxels);
        slots.uses += 1;
        slots.slots[index].state = State::Here { voxels: voxels.clone(), used: slots.uses };
        slots.make_room(self.bytes_max, index);
        Ok(voxels)
    }

    /// Begins to fetch the voxels of an index that are not in memory.
    pub(crate) fn prefetch(&self, index: usize) {
        let mut slots = self.slots();
        let slot = &slots.slots[index];
        if matches!(slot.state, State::Away) && slot.last.strong_count() == 0 {
            let fetch = self.fetch.clone();
            slots.slots[index].state = State::Coming(std::thread::spawn(move || fetch(index)));
            slots.make_room(self.bytes_max, index);
        }
    }

    /// Nothing is left half done by a panic, since every state is stored whole.
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn checked(&self, voxels: CaseVoxels) -> Result<CaseVoxels, CohortError> {
        if voxels.digest() == self.digest { Ok(voxels) } else { Err(CohortError::Changed) }
    }
}

impl Slots {
    fn bytes_held(&self) -> u64 {
        self.slots.iter().filter(|slot| !matches!(slot.state, State::Away)).map(|slot| slot.bytes).sum()
    }

    /// Removes the least recently used voxels, but not those of `index`, until the rest fits.
    fn make_room(&mut self, bytes_max: u64, index: usize) {
        while self.bytes_held() > bytes_max {
            let here = self.slots.iter_mut().enumerate().filter(|(at, _)| *at != index);
            let oldest = here.filter_map(|(_, slot)| match slot.state {
                State::Here { used, .. } => Some((used, slot)),
                _ => None,
            });
            match oldest.min_by_key(|(used, _)| *used) {
                Some((_, slot)) => slot.state = State::Away,
                None => return,
            }
        }
    }
}

impl fmt::Debug for VoxelCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VoxelCache").field("bytes_max", &self.bytes_max).finish_non_exhaustive()
    }
}

/// The storage of a case's voxels.
#[derive(Clone, Debug)]
pub enum Voxels {
    /// In memory as long as the case exists.
    Held(Arc<CaseVoxels>),
    /// In a cache, at an index.
    Cached {
        /// The cache, shared by its cases.
        cache: Arc<VoxelCache>,
        /// The index that [`VoxelCache::put`] returned.
        index: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_volume::{Grid, SpacingMm};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// 8 voxels of input, 4 of target, 4 of truth: 40 bytes.
    fn voxels(index: usize) -> CaseVoxels {
        let truth = ClassMap::new(Grid::axis_aligned([4, 1, 1], SpacingMm([1.0; 3])), vec![1; 4]);
        CaseVoxels { input: vec![index as f32; 8], target: vec![0; 4], truth }
    }

    /// A cache of four cases, and the number of fetches.
    fn cache(bytes_max: u64) -> (VoxelCache, Arc<AtomicUsize>) {
        let fetches = Arc::new(AtomicUsize::new(0));
        let count = fetches.clone();
        let fetch = move |index| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(voxels(index))
        };
        let cache = VoxelCache::new(bytes_max, Arc::new(fetch));
        for index in 0..4 {
            assert_eq!(cache.put(Arc::new(voxels(index))), index);
        }
        (cache, fetches)
    }

    /// A visit of each place, backwards and forwards, the next one expected.
    fn visit(cache: &VoxelCache) {
        let indices = [3, 2, 1, 0, 0, 1, 2, 3, 3];
        for step in 0..indices.len() - 1 {
            let found = cache.voxels(indices[step]).unwrap();
            cache.prefetch(indices[step + 1]);
            assert_eq!(*found, voxels(indices[step]));
        }
    }

    #[test]
    fn voxels_are_the_same_however_many_are_held() {
        for bytes_max in [0, 39, 40, 80, 120, 160, u64::MAX] {
            visit(&cache(bytes_max).0);
        }
    }

    #[test]
    fn what_fits_is_never_fetched_and_what_does_not_is() {
        let (all, fetches) = cache(160);
        visit(&all);
        assert_eq!(fetches.load(Ordering::Relaxed), 0);
        let (one, fetches) = cache(40);
        for index in [0, 0, 1, 1, 0] {
            one.voxels(index).unwrap();
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 2, "the first was put, then 1 and again 0");
    }

    #[test]
    fn what_is_in_use_is_not_fetched_a_second_time() {
        let (cache, fetches) = cache(0);
        let batch: Vec<_> = (0..4).map(|index| cache.voxels(index).unwrap()).collect();
        for index in [0, 3, 1, 2] {
            assert!(Arc::ptr_eq(&cache.voxels(index).unwrap(), &batch[index]));
            cache.prefetch(index);
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let (cache, fetches) = cache(80);
        // 0 and 1 are held. Using 0 makes 1 the older, so 2 takes its place.
        for index in [1, 0, 2, 0] {
            cache.voxels(index).unwrap();
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
        cache.voxels(1).unwrap();
        assert_eq!(fetches.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn no_more_is_held_than_allowed_beside_what_is_used_and_coming() {
        let (cache, _) = cache(80);
        for index in [0, 1, 2, 3, 1, 0] {
            cache.voxels(index).unwrap();
            cache.prefetch((index + 1) % 4);
            assert!(cache.slots().bytes_held() <= 80);
        }
    }

    #[test]
    fn a_file_that_changed_or_is_gone_is_an_error_and_not_another_result() {
        for expected in [false, true] {
            let changed = VoxelCache::new(0, Arc::new(|index| Ok(voxels(index + 1))));
            let gone =
                VoxelCache::new(0, Arc::new(|_| Err(CohortError::Pattern { pattern: String::new(), reason: "gone" })));
            for cache in [&changed, &gone] {
                cache.put(Arc::new(voxels(0)));
                if expected {
                    cache.prefetch(0);
                }
            }
            assert!(matches!(changed.voxels(0), Err(CohortError::Changed)));
            assert!(matches!(gone.voxels(0), Err(CohortError::Pattern { .. })));
        }
    }
}
