//! The identity of the kernels, which together with their input decides every byte of their results: the rounding of
//! the instruction set, and the sources that they were built from.

use crate::InstructionSet;

/// A BLAKE3 digest of this crate's sources: kernels of other sources may round differently, even at the same version.
pub const KERNELS_DIGEST: &str = env!("LACUNA_KERNELS_DIGEST");

/// Returns the class of machines that compute the same bytes with an instruction set, such as `x86-64/avx2`.
///
/// AVX2 and AVX-512 perform the same steps and are one class. The portable kernels round each product and each sum, and
/// functions of the system's mathematical library may differ between architectures, so each architecture is a class.
pub fn rounding_class(set: InstructionSet) -> String {
    let rounding = match set {
        InstructionSet::Portable => "portable",
        InstructionSet::Avx2 | InstructionSet::Avx512 => "avx2",
    };
    format!("{}/{rounding}", std::env::consts::ARCH.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avx2_and_avx512_are_one_class_and_the_portable_kernels_are_another() {
        let [wide, narrow, portable] =
            [InstructionSet::Avx512, InstructionSet::Avx2, InstructionSet::Portable].map(rounding_class);
        assert_eq!(wide, narrow);
        assert_ne!(narrow, portable);
        // Records of studies are named by this class.
        assert!(cfg!(not(target_arch = "x86_64")) || narrow == "x86-64/avx2", "{narrow}");
        assert!(portable.starts_with(&std::env::consts::ARCH.replace('_', "-")), "{portable}");
    }

    #[test]
    fn the_sources_have_a_digest() {
        assert!(KERNELS_DIGEST.len() == 64 && KERNELS_DIGEST.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
