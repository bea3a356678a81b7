//! NVIDIA graphics processors.

use super::{Adapter, DeviceError, DeviceKind};
use burn::tensor::{Device, DeviceType};

/// Returns the GPUs that the driver lists; none without a driver.
pub(super) fn adapters() -> Vec<Adapter> {
    let name = |device: Device| device.identity().map_or_else(|| "NVIDIA".to_string(), |identity| identity.name);
    let devices = Device::enumerate(DeviceType::Cuda).into_vec();
    devices.into_iter().map(|device| Adapter { name: name(device), driver: None, software: false }).collect()
}

/// Opens the first of the listed GPUs.
pub(super) fn open() -> Result<Device, DeviceError> {
    let first = Device::enumerate(DeviceType::Cuda).into_vec().into_iter().next();
    first.ok_or(DeviceError::NoAdapter { kind: DeviceKind::Cuda })
}
