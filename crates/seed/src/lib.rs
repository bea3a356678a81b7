//! Keyed random streams, the source of every random choice of lacuna.
//!
//! A stream is determined by its purpose (seed, purpose, subject, epoch, …) only. So leaving one subject out changes no
//! other subject's draws, a retrained and an unlearned run are paired draw by draw, and there is no generator state to
//! save: a resumed run derives the same streams again.
//!
//! There is deliberately no global generator and no seeding from the clock.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The seed that a user gives, from which all random choices follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// Returns the stream for one purpose, for example `seed.stream("split")`.
    pub fn stream(self, purpose: &str) -> Stream {
        let mut key = blake3::Hasher::new_derive_key("lacuna random stream v1");
        key.update(&self.0.to_le_bytes());
        Stream { key }.with("purpose", purpose)
    }
}

/// A random stream, which can be divided into sub-streams or drawn from.
#[derive(Clone, Debug)]
pub struct Stream {
    key: blake3::Hasher,
}

impl Stream {
    /// Returns the sub-stream of one subject.
    pub fn subject(&self, id: &str) -> Stream {
        self.clone().with("subject", id)
    }

    /// Returns the sub-stream of one epoch, counted from 0.
    pub fn epoch(&self, epoch: usize) -> Stream {
        self.clone().with("epoch", &epoch.to_string())
    }

    /// Returns the sub-stream of one further named part: a parameter, a repetition, a fold.
    pub fn part(&self, name: &str) -> Stream {
        self.clone().with("part", name)
    }

    /// Returns a generator at the stream's beginning. Two calls give the same draws.
    pub fn draws(&self) -> Draws {
        Draws { generator: ChaCha8Rng::from_seed(*self.key.finalize().as_bytes()), spare_normal: None }
    }

    /// Writes the length before each name, so that ("ab", "c") and ("a", "bc") differ.
    fn with(mut self, kind: &str, name: &str) -> Stream {
        for text in [kind, name] {
            self.key.update(&(text.len() as u64).to_le_bytes());
            self.key.update(text.as_bytes());
        }
        self
    }
}

/// A generator of draws from one stream, in order.
#[derive(Clone, Debug)]
pub struct Draws {
    generator: ChaCha8Rng,
    spare_normal: Option<f64>,
}

impl Draws {
    /// Returns a uniform draw in [0, 1), with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns a uniform draw in [low, high).
    pub fn uniform_in(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Returns a standard normal draw, by Box and Muller (1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.spare_normal = Some(radius * sin);
        radius * cos
    }

    /// Returns a uniform draw from `0..bound`, without modulo bias.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "cannot choose below zero");
        let bound = bound as u64;
        // Rejects the incomplete last interval, at most half of the draws.
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let draw = self.generator.next_u64();
            if draw < limit {
                return (draw % bound) as usize;
            }
        }
    }

    /// Shuffles in place, by Fisher and Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_itself() {
        let stream = Seed(7).stream("noise").subject("sub-01").epoch(3);
        assert_eq!(stream.draws().uniform(), stream.draws().uniform());
    }

    #[test]
    fn streams_differ_by_every_part_of_their_name() {
        let first = |stream: Stream| stream.draws().uniform();
        let base = Seed(7).stream("noise").subject("a");
        let others = [
            Seed(8).stream("noise").subject("a"),
            Seed(7).stream("order").subject("a"),
            Seed(7).stream("noise").subject("b"),
            Seed(7).stream("noise").part("a"),
            base.epoch(0),
            Seed(7).stream("noises").subject(""),
        ];
        for other in others {
            assert_ne!(first(base.clone()), first(other));
        }
    }

    #[test]
    fn the_draws_are_fixed_for_ever() {
        // Changing these digits changes every result published with lacuna.
        let mut draws = Seed(0).stream("test").draws();
        let found: Vec<usize> = (0..6).map(|_| draws.below(1000)).collect();
        assert_eq!(found, FIRST_SIX);
    }
    const FIRST_SIX: [usize; 6] = [590, 20, 157, 143, 670, 469];

    #[test]
    fn normal_draws_have_mean_zero_and_deviation_one() {
        let mut draws = Seed(1).stream("normal").draws();
        let n = 40_000;
        let sample: Vec<f64> = (0..n).map(|_| draws.normal()).collect();
        let mean = sample.iter().sum::<f64>() / n as f64;
        let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        // Four standard errors: 4/sqrt(n) and 4*sqrt(2/n).
        assert!(mean.abs() < 0.02, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.03, "variance {variance}");
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Seed(2).stream("order").draws().shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
