//! Sixteen-lane arithmetic in three versions, and the choice between them at run time.
//!
//! A kernel is written once over [`Simd`]; [`InstructionSet::run`] compiles it once per instruction set and selects the
//! version. All versions perform the same steps in the same order: AVX2 and AVX-512 give the same bytes, the portable
//! version differs by the rounding of the product in each multiply-add.

use std::sync::OnceLock;

/// The instruction sets that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    /// The features of every machine of the compilation target.
    Portable,
    /// 256-bit vectors with fused multiply-add (x86-64 machines since 2013).
    Avx2,
    /// 512-bit vectors with twice the registers (x86-64 servers since 2017, AMD's since 2022).
    Avx512,
}

static CHOSEN: OnceLock<InstructionSet> = OnceLock::new();

impl InstructionSet {
    /// All instruction sets, the fastest first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Portable];

    /// Returns the fastest instruction set of this machine.
    pub fn detected() -> Self {
        Self::ALL.into_iter().find(|set| set.is_available()).expect("the portable one is always there")
    }

    /// Returns the instruction set of this process: [`InstructionSet::detected`], unless [`InstructionSet::choose`] was
    /// called before.
    pub fn chosen() -> Self {
        *CHOSEN.get_or_init(Self::detected)
    }

    /// Fixes the instruction set of this process, so that two machines can produce the same bytes.
    ///
    /// # Errors
    /// Returns the instruction set that is used instead, if this one is not available or another was already in use.
    pub fn choose(self) -> Result<(), Self> {
        if !self.is_available() {
            return Err(Self::chosen());
        }
        match *CHOSEN.get_or_init(|| self) {
            chosen if chosen == self => Ok(()),
            other => Err(other),
        }
    }

    /// Returns whether this machine supports it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f") && Self::Avx2.is_available(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Runs `kernel` compiled for this instruction set.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Portable => kernel.run::<Portable>(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the variant is made by `detected`, or by `choose` after the same check, on this machine.
            Self::Avx2 => unsafe { run_avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Self::Avx512 => unsafe { run_avx512(kernel) },
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => unreachable!("never chosen on another architecture"),
        }
    }
}

/// A computation that is compiled once per instruction set. `run` must be `#[inline(always)]`.
pub(crate) trait Kernel {
    type Output;
    fn run<S: Simd>(self) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

/// The number of lanes of a row: the output channels that are computed together.
pub(crate) const LANES: usize = 16;
/// The number of rows and columns of a block that is transposed at once.
pub(crate) const BLOCK: usize = 8;

/// Operations on rows of sixteen `f32`.
///
/// # Safety
/// Every function may only be called if the instruction set is available; the pointers must be valid for sixteen
/// elements (one for `splat`, eight for `transpose`), with any alignment.
pub(crate) trait Simd {
    type Row: Copy;
    /// The number of rows of sums that fit into the registers besides their operands; 6 or 12.
    const TILE: usize;
    unsafe fn load(from: *const f32) -> Self::Row;
    unsafe fn store(to: *mut f32, row: Self::Row);
    unsafe fn splat(from: *const f32) -> Self::Row;
    unsafe fn add(a: Self::Row, b: Self::Row) -> Self::Row;
    /// Returns `a * b + c` in each lane.
    unsafe fn mul_add(a: Self::Row, b: Self::Row, c: Self::Row) -> Self::Row;
    /// Transposes a block: element `i` at `from[j]` becomes element `j` at `to[i]`.
    unsafe fn transpose(from: [*const f32; BLOCK], to: [*mut f32; BLOCK]);
}

pub(crate) struct Portable;

impl Simd for Portable {
    type Row = [f32; LANES];
    const TILE: usize = 6;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Row {
        // SAFETY: the caller promises sixteen readable elements.
        unsafe { from.cast::<[f32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, row: Self::Row) {
        // SAFETY: the caller promises sixteen writable elements.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(row) }
    }

    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self::Row {
        // SAFETY: the caller promises one readable element.
        [unsafe { *from }; LANES]
    }

    #[inline(always)]
    unsafe fn add(a: Self::Row, b: Self::Row) -> Self::Row {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::Row, b: Self::Row, c: Self::Row) -> Self::Row {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }

    #[inline(always)]
    unsafe fn transpose(from: [*const f32; BLOCK], to: [*mut f32; BLOCK]) {
        for (column, to) in to.into_iter().enumerate() {
            for (row, from) in from.into_iter().enumerate() {
                // SAFETY: the caller promises eight elements at each address.
                unsafe { *to.add(row) = *from.add(column) };
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Simd for Avx2 {
    type Row = [std::arch::x86_64::__m256; 2];
    const TILE: usize = 6;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Row {
        use std::arch::x86_64::_mm256_loadu_ps as load;
        // SAFETY: the caller promises AVX2 and sixteen readable elements.
        unsafe { [load(from), load(from.add(8))] }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, [low, high]: Self::Row) {
        use std::arch::x86_64::_mm256_storeu_ps as store;
        // SAFETY: the caller promises AVX2 and sixteen writable elements.
        unsafe {
            store(to, low);
            store(to.add(8), high);
        }
    }

    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self::Row {
        // SAFETY: the caller promises AVX2 and one readable element.
        [unsafe { std::arch::x86_64::_mm256_broadcast_ss(&*from) }; 2]
    }

    #[inline(always)]
    unsafe fn add(a: Self::Row, b: Self::Row) -> Self::Row {
        use std::arch::x86_64::_mm256_add_ps as add;
        // SAFETY: the caller promises AVX2.
        unsafe { [add(a[0], b[0]), add(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::Row, b: Self::Row, c: Self::Row) -> Self::Row {
        use std::arch::x86_64::_mm256_fmadd_ps as mul_add;
        // SAFETY: the caller promises FMA.
        unsafe { [mul_add(a[0], b[0], c[0]), mul_add(a[1], b[1], c[1])] }
    }

    /// Transposes by pairs, then by fours, then by halves.
    #[inline(always)]
    unsafe fn transpose(from: [*const f32; BLOCK], to: [*mut f32; BLOCK]) {
        use std::arch::x86_64::{
            __m256, _mm256_loadu_ps as load, _mm256_permute2f128_ps as halves, _mm256_shuffle_ps as shuffle,
            _mm256_storeu_ps as store, _mm256_unpackhi_ps as high, _mm256_unpacklo_ps as low,
        };
        // SAFETY: the caller promises AVX2 and eight elements at each address.
        unsafe {
            let rows: [__m256; BLOCK] = std::array::from_fn(|row| load(from[row]));
            let pairs: [__m256; BLOCK] = std::array::from_fn(|i| {
                let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
                if i % 2 == 0 { low(a, b) } else { high(a, b) }
            });
            let fours: [__m256; BLOCK] = std::array::from_fn(|i| {
                let first = i / 4 * 4 + i % 4 / 2;
                let (a, b) = (pairs[first], pairs[first + 2]);
                if i % 2 == 0 { shuffle::<0b01_00_01_00>(a, b) } else { shuffle::<0b11_10_11_10>(a, b) }
            });
            for (i, to) in to.into_iter().enumerate() {
                let (a, b) = (fours[i % 4], fours[i % 4 + 4]);
                store(to, if i < 4 { halves::<0x20>(a, b) } else { halves::<0x31>(a, b) });
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) struct Avx512;

#[cfg(target_arch = "x86_64")]
impl Simd for Avx512 {
    type Row = std::arch::x86_64::__m512;
    const TILE: usize = 12;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Row {
        // SAFETY: the caller promises AVX-512 and sixteen readable elements.
        unsafe { std::arch::x86_64::_mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, row: Self::Row) {
        // SAFETY: the caller promises AVX-512 and sixteen writable elements.
        unsafe { std::arch::x86_64::_mm512_storeu_ps(to, row) }
    }

    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self::Row {
        // SAFETY: the caller promises AVX-512 and one readable element.
        unsafe { std::arch::x86_64::_mm512_set1_ps(*from) }
    }

    #[inline(always)]
    unsafe fn add(a: Self::Row, b: Self::Row) -> Self::Row {
        // SAFETY: the caller promises AVX-512.
        unsafe { std::arch::x86_64::_mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::Row, b: Self::Row, c: Self::Row) -> Self::Row {
        // SAFETY: the caller promises AVX-512.
        unsafe { std::arch::x86_64::_mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn transpose(from: [*const f32; BLOCK], to: [*mut f32; BLOCK]) {
        // SAFETY: AVX-512 is chosen only if AVX2 is available too; the rest is the caller's promise.
        unsafe { Avx2::transpose(from, to) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Transposed([[f32; BLOCK]; BLOCK]);

    impl Kernel for Transposed {
        type Output = [[f32; BLOCK]; BLOCK];

        #[inline(always)]
        fn run<S: Simd>(self) -> Self::Output {
            let mut result = [[0.0; BLOCK]; BLOCK];
            let to = result.each_mut().map(|row| row.as_mut_ptr());
            // SAFETY: every array has eight elements; `InstructionSet::run` makes `S` available.
            unsafe { S::transpose(self.0.each_ref().map(|row| row.as_ptr()), to) };
            result
        }
    }

    #[test]
    fn a_transposed_block_swaps_row_and_column() {
        let block = std::array::from_fn(|row| std::array::from_fn(|column| (row * BLOCK + column) as f32));
        for set in InstructionSet::ALL.into_iter().filter(|set| set.is_available()) {
            let transposed = set.run(Transposed(block));
            for row in 0..BLOCK {
                for column in 0..BLOCK {
                    assert_eq!(transposed[column][row], block[row][column], "{set:?}");
                }
            }
        }
    }
}
