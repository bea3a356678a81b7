//! Compute devices: which ones this build supports, which adapters this machine has, and how to open one.
//!
//! Every build supports the CPU, on which lacuna's own kernels run. GPUs need one of the features `vulkan`, `metal` and
//! `cuda`; on them burn's operations run. All devices compute in single precision. Results on the CPU are reproducible
//! byte for byte; those on a GPU may not be.
//!
//! Listing and opening devices never panics, whatever drivers the machine has.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(any(feature = "vulkan", feature = "metal"))]
mod graphics;

use burn::tensor::Device;
use lacuna_kernels::{InstructionSet, rounding_class};

/// A kind of compute device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceKind {
    /// The CPU, with lacuna's own kernels.
    Cpu,
    /// Any GPU with a Vulkan driver.
    Vulkan,
    /// An NVIDIA GPU with CUDA.
    Cuda,
    /// An Apple GPU with Metal.
    Metal,
}

/// A GPU of this machine, or its software emulation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Adapter {
    /// The name that the driver reports.
    pub name: String,
    /// The driver and its version, if reported.
    pub driver: Option<String>,
    /// Whether it is a software emulation of a GPU on the CPU.
    pub software: bool,
}

/// An error of opening a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// This build does not support the device.
    #[error(
        "{}: this build has no such device; fix: build lacuna with `--features {}`, or leave --device out for the CPU",
        .kind.name(), .kind.name()
    )]
    NotBuilt {
        /// The requested kind of device.
        kind: DeviceKind,
    },
    /// The machine has no adapter of the requested kind.
    #[error(
        "{}: no adapter found; fix: install its driver (`lacuna doctor` shows what is there), or leave --device out \
         for the CPU",
        .kind.name()
    )]
    NoAdapter {
        /// The requested kind of device.
        kind: DeviceKind,
    },
    /// The driver does not open an adapter that it lists.
    #[error("{}: {adapter} does not open: {reason}; fix: update its driver, or leave --device out for the CPU", .kind.name())]
    Refused {
        /// The requested kind of device.
        kind: DeviceKind,
        /// The name of the adapter.
        adapter: String,
        /// The driver's error message.
        reason: String,
    },
}

/// All kinds of devices, whether built or not, in the order of help texts.
pub const DEVICE_KINDS: [DeviceKind; 4] = [DeviceKind::Cpu, DeviceKind::Vulkan, DeviceKind::Cuda, DeviceKind::Metal];

impl DeviceKind {
    /// Returns the device's name on the command line, which is also the name of its feature.
    pub fn name(self) -> &'static str {
        match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Vulkan => "vulkan",
            DeviceKind::Cuda => "cuda",
            DeviceKind::Metal => "metal",
        }
    }

    /// Returns whether this build supports the device.
    pub fn is_built(self) -> bool {
        match self {
            DeviceKind::Cpu => true,
            DeviceKind::Vulkan => cfg!(feature = "vulkan"),
            DeviceKind::Cuda => cfg!(feature = "cuda"),
            DeviceKind::Metal => cfg!(feature = "metal"),
        }
    }

    /// Returns the machine's adapters of this kind, best first; none if the kind is not built, and none for the CPU.
    pub fn adapters(self) -> Vec<Adapter> {
        match self {
            #[cfg(any(feature = "vulkan", feature = "metal"))]
            DeviceKind::Vulkan | DeviceKind::Metal if self.is_built() => graphics::adapters(self),
            #[cfg(feature = "cuda")]
            DeviceKind::Cuda => cuda::adapters(),
            _ => Vec::new(),
        }
    }

    /// Opens the device on the first of its [`adapters`](Self::adapters).
    ///
    /// # Errors
    /// [`DeviceError`] if this build does not support it, the machine has no adapter for it, or its driver fails.
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

/// Returns the part of a device that decides the bits of a result: `cpu/` and the rounding class of its instruction
/// set, such as `cpu/x86-64/avx2`, or the adapter and what is compiled for it.
///
/// Opens the device, and on the CPU fixes the instruction set of this process. Devices of one make and driver family
/// share an identity and give the same results, and so do AVX2 and AVX-512.
pub fn device_identity(device: &Device) -> String {
    #[cfg(any(feature = "vulkan", feature = "metal", feature = "cuda"))]
    if let Some(identity) = device.identity() {
        return format!("{}, {}", identity.name, identity.fingerprint);
    }
    assert_eq!(device.clone().inner(), Device::flex(), "whatever is not a graphics processor is the CPU");
    format!("{}/{}", DeviceKind::Cpu.name(), rounding_class(InstructionSet::chosen()))
}

/// Returns a digest of the sources of lacuna's kernels. It distinguishes two builds of the same version whose kernels
/// differ.
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
