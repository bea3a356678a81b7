//! Where networks compute: which devices this build knows, which adapters this machine has, and how to open one.
//!
//! Every build has the CPU, on which lacuna's own kernels run. The graphics processors come by the features
//! `vulkan`, `metal` and `cuda`; there the same operations are burn's. Everything is computed in single precision on
//! every device. The CPU repeats itself byte for byte; a graphics processor does not promise to.
//!
//! Asking what is there and opening it never panics, whatever drivers the machine has.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(any(feature = "vulkan", feature = "metal"))]
mod graphics;

use burn::tensor::Device;
use lacuna_kernels::{InstructionSet, rounding_class};

/// A way to compute, by the name that users give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceKind {
    /// The processor's cores and lacuna's own kernels.
    Cpu,
    /// Any graphics processor with a Vulkan driver.
    Vulkan,
    /// An NVIDIA graphics processor.
    Cuda,
    /// An Apple graphics processor.
    Metal,
}

/// Something that a device computes on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Adapter {
    /// What it calls itself.
    pub name: String,
    /// Its driver and that one's version, where it says so.
    pub driver: Option<String>,
    /// Whether it is a program that imitates a graphics processor on the CPU.
    pub software: bool,
}

/// Why a device cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// This build does not know the device.
    #[error(
        "{}: this build has no such device; fix: build lacuna with `--features {}`, or leave --device out for the CPU",
        .kind.name(), .kind.name()
    )]
    NotBuilt {
        /// What was asked for.
        kind: DeviceKind,
    },
    /// The machine has nothing that the device could compute on.
    #[error(
        "{}: no adapter found; fix: install its driver (`lacuna doctor` shows what is there), or leave --device out \
         for the CPU",
        .kind.name()
    )]
    NoAdapter {
        /// What was asked for.
        kind: DeviceKind,
    },
    /// There is an adapter, and it refuses to work.
    #[error("{}: {adapter} does not open: {reason}; fix: update its driver, or leave --device out for the CPU", .kind.name())]
    Refused {
        /// What was asked for.
        kind: DeviceKind,
        /// The adapter's name.
        adapter: String,
        /// Its words.
        reason: String,
    },
}

/// Every device there is in some build; the order is the order of help texts.
pub const DEVICE_KINDS: [DeviceKind; 4] = [DeviceKind::Cpu, DeviceKind::Vulkan, DeviceKind::Cuda, DeviceKind::Metal];

impl DeviceKind {
    /// The name that users give it, which is that of its feature too.
    pub fn name(self) -> &'static str {
        match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Vulkan => "vulkan",
            DeviceKind::Cuda => "cuda",
            DeviceKind::Metal => "metal",
        }
    }

    /// Whether this build knows it.
    pub fn is_built(self) -> bool {
        match self {
            DeviceKind::Cpu => true,
            DeviceKind::Vulkan => cfg!(feature = "vulkan"),
            DeviceKind::Cuda => cfg!(feature = "cuda"),
            DeviceKind::Metal => cfg!(feature = "metal"),
        }
    }

    /// What this machine has for it, best first; nothing if it is not built, and nothing for the CPU, which needs none.
    pub fn adapters(self) -> Vec<Adapter> {
        match self {
            #[cfg(any(feature = "vulkan", feature = "metal"))]
            DeviceKind::Vulkan | DeviceKind::Metal if self.is_built() => graphics::adapters(self),
            #[cfg(feature = "cuda")]
            DeviceKind::Cuda => cuda::adapters(),
            _ => Vec::new(),
        }
    }

    /// The device, on the first of its [`adapters`](Self::adapters).
    ///
    /// # Errors
    /// [`DeviceError`] if this build does not know it, the machine has nothing for it, or its driver refuses.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            DeviceKind::Cpu => Ok(Device::flex()),
            #[cfg(any(feature = "vulkan", feature = "metal"))]
            DeviceKind::Vulkan | DeviceKind::Metal if self.is_built() => graphics::open(self),
            #[cfg(feature = "cuda")]
            DeviceKind::Cuda => cuda::open(),
            _ => Err(DeviceError::NotBuilt { kind: self }),
        }
    }
}

/// What results computed on a device depend on: `cpu/` and how its instruction set rounds, such as `cpu/x86-64/avx2`,
/// or the adapter and what is compiled for it.
///
/// Opens the device, and on the CPU settles the instruction set of this process. Two devices of one make and driver
/// family share an identity, as their results do, and so do AVX2 and AVX-512.
pub fn device_identity(device: &Device) -> String {
    #[cfg(any(feature = "vulkan", feature = "metal", feature = "cuda"))]
    if let Some(identity) = device.identity() {
        return format!("{}, {}", identity.name, identity.fingerprint);
    }
    assert_eq!(device.clone().inner(), Device::flex(), "whatever is not a graphics processor is the CPU");
    format!("{}/{}", DeviceKind::Cpu.name(), rounding_class(InstructionSet::chosen()))
}

/// A digest of the sources of lacuna's kernels. Two builds of one version whose kernels differ are told apart by it.
pub fn kernels_digest() -> &'static str {
    lacuna_kernels::KERNELS_DIGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_build_has_the_cpu() {
        assert!(DeviceKind::Cpu.is_built());
        let expected = format!("cpu/{}", rounding_class(InstructionSet::chosen()));
        assert_eq!(device_identity(&DeviceKind::Cpu.open().unwrap()), expected);
        assert_eq!(device_identity(&DeviceKind::Cpu.open().unwrap().autodiff()), expected);
    }

    #[test]
    fn names_are_distinct() {
        let names: BTreeSet<_> = DEVICE_KINDS.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), DEVICE_KINDS.len());
    }

    #[test]
    fn a_device_that_is_not_built_has_no_adapters_and_says_which_feature_it_wants() {
        for kind in DEVICE_KINDS.into_iter().filter(|kind| !kind.is_built()) {
            assert!(kind.adapters().is_empty());
            let error = kind.open().unwrap_err();
            assert_eq!(error, DeviceError::NotBuilt { kind });
            assert!(error.to_string().contains(&format!("`--features {}`", kind.name())), "{error}");
        }
    }

    #[cfg(feature = "vulkan")]
    #[test]
    fn a_vulkan_device_opens_as_often_as_it_is_asked_for_and_on_the_first_adapter() {
        let first = &DeviceKind::Vulkan.adapters()[0];
        for _ in 0..2 {
            let identity = device_identity(&DeviceKind::Vulkan.open().unwrap());
            assert!(identity.starts_with(&first.name), "{identity} is not on {first:?}");
        }
    }
}
