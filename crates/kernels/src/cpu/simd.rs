//! Eight-lane arithmetic in two versions, and the choice between them at run time.
//!
//! A kernel is written once over [`Simd`]; [`InstructionSet::run`] compiles it once per instruction set and picks
//! the version. The portable version takes the same steps in the same order; its results differ from AVX2's only
//! by the rounding that a fused multiply-add saves.

use std::sync::OnceLock;

/// The instruction sets that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    /// What the compiler may assume of every machine of the target.
    Portable,
    /// 256-bit vectors with fused multiply-add (x86-64 machines since 2013).
    Avx2,
}

static CHOSEN: OnceLock<InstructionSet> = OnceLock::new();

impl InstructionSet {
    /// The best one that this machine has.
    pub fn detected() -> Self {
        if Self::Avx2.is_available() { Self::Avx2 } else { Self::Portable }
    }

    /// The one that this process uses: [`InstructionSet::detected`], unless [`InstructionSet::choose`] came first.
    pub fn chosen() -> Self {
        *CHOSEN.get_or_init(Self::detected)
    }

    /// Fixes the instruction set for this process, so that two machines can produce the same bytes.
    ///
    /// # Errors
    /// With the instruction set that stays in force, if this one is not available here or another was already used.
    pub fn choose(self) -> Result<(), Self> {
        if !self.is_available() {
            return Err(Self::chosen());
        }
        match *CHOSEN.get_or_init(|| self) {
            chosen if chosen == self => Ok(()),
            other => Err(other),
        }
    }

    /// Whether this machine can run it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 => false,
        }
    }

    /// Runs `kernel` compiled for this instruction set.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Portable => kernel.run::<Portable>(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the variant is made by `detected`, or by `choose` after the same check, on this machine.
            Self::Avx2 => unsafe { run_avx2(kernel) },
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 => unreachable!("AVX2 is never chosen on another architecture"),
        }
    }
}

/// A piece of work that is compiled once per instruction set. `run` must be `#[inline(always)]`.
pub(crate) trait Kernel {
    type Output;
    fn run<S: Simd>(self) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

/// Lanes of one vector.
pub(crate) const LANES: usize = 8;

/// Vectors of eight `f32`.
///
/// # Safety
/// Every function may only run where the instruction set is available; the pointers must be valid for eight
/// elements (one for `splat`), of any alignment.
pub(crate) trait Simd {
    type Vector: Copy;
    unsafe fn load(from: *const f32) -> Self::Vector;
    unsafe fn store(to: *mut f32, vector: Self::Vector);
    unsafe fn splat(from: *const f32) -> Self::Vector;
    /// `a * b + c`
    unsafe fn mul_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Lane `i` of vector `j` becomes lane `j` of vector `i`.
    unsafe fn transpose(rows: [Self::Vector; LANES]) -> [Self::Vector; LANES];
}

pub(crate) struct Portable;

impl Simd for Portable {
    type Vector = [f32; LANES];

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Vector {
        // SAFETY: the caller promises eight readable elements.
        unsafe { from.cast::<[f32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: Self::Vector) {
        // SAFETY: the caller promises eight writable elements.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(vector) }
    }

    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self::Vector {
        // SAFETY: the caller promises one readable element.
        [unsafe { *from }; LANES]
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }

    #[inline(always)]
    unsafe fn transpose(rows: [Self::Vector; LANES]) -> [Self::Vector; LANES] {
        std::array::from_fn(|row| std::array::from_fn(|lane| rows[lane][row]))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Simd for Avx2 {
    type Vector = std::arch::x86_64::__m256;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Vector {
        // SAFETY: the caller promises AVX2 and eight readable elements.
        unsafe { std::arch::x86_64::_mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: Self::Vector) {
        // SAFETY: the caller promises AVX2 and eight writable elements.
        unsafe { std::arch::x86_64::_mm256_storeu_ps(to, vector) }
    }

    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self::Vector {
        // SAFETY: the caller promises AVX2 and one readable element.
        unsafe { std::arch::x86_64::_mm256_broadcast_ss(&*from) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: the caller promises FMA.
        unsafe { std::arch::x86_64::_mm256_fmadd_ps(a, b, c) }
    }

    /// By pairs, by fours, then by halves.
    #[inline(always)]
    unsafe fn transpose(rows: [Self::Vector; LANES]) -> [Self::Vector; LANES] {
        use std::arch::x86_64::{
            _mm256_permute2f128_ps as halves, _mm256_shuffle_ps as shuffle, _mm256_unpackhi_ps as high,
            _mm256_unpacklo_ps as low,
        };
        // SAFETY: the caller promises AVX2.
        unsafe {
            let pairs: [Self::Vector; LANES] = std::array::from_fn(|i| {
                let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
                if i % 2 == 0 { low(a, b) } else { high(a, b) }
            });
            let fours: [Self::Vector; LANES] = std::array::from_fn(|i| {
                let first = i / 4 * 4 + i % 4 / 2;
                let (a, b) = (pairs[first], pairs[first + 2]);
                if i % 2 == 0 { shuffle::<0b01_00_01_00>(a, b) } else { shuffle::<0b11_10_11_10>(a, b) }
            });
            std::array::from_fn(|i| {
                let (a, b) = (fours[i % 4], fours[i % 4 + 4]);
                if i < 4 { halves::<0x20>(a, b) } else { halves::<0x31>(a, b) }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Transposed([[f32; LANES]; LANES]);

    impl Kernel for Transposed {
        type Output = [[f32; LANES]; LANES];

        #[inline(always)]
        fn run<S: Simd>(self) -> Self::Output {
            let mut result = [[0.0; LANES]; LANES];
            // SAFETY: every array has eight elements; `InstructionSet::run` makes `S` available.
            unsafe {
                let rows = S::transpose(std::array::from_fn(|row| S::load(self.0[row].as_ptr())));
                result.iter_mut().zip(rows).for_each(|(to, row)| S::store(to.as_mut_ptr(), row));
            }
            result
        }
    }

    #[test]
    fn a_transposed_block_swaps_row_and_lane() {
        let block = std::array::from_fn(|row| std::array::from_fn(|lane| (row * LANES + lane) as f32));
        for set in [InstructionSet::Portable, InstructionSet::detected()] {
            let transposed = set.run(Transposed(block));
            for row in 0..LANES {
                for lane in 0..LANES {
                    assert_eq!(transposed[lane][row], block[row][lane], "{set:?}");
                }
            }
        }
    }
}
