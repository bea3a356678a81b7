//! GPUs through Vulkan and Metal.

use super::{Adapter, DeviceError, DeviceKind};
use burn::tensor::wgpu::{WgpuBackend, wgpu};
use burn::tensor::{Device, DeviceKind as Choice};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// Returns the adapters of a graphics interface, best first.
pub(super) fn adapters(kind: DeviceKind) -> Vec<Adapter> {
    ranked(kind).iter().map(described).collect()
}

/// Opens the device on the best adapter. burn can initialise a device only once, so it is kept for later calls.
pub(super) fn open(kind: DeviceKind) -> Result<Device, DeviceError> {
    static OPENED: Mutex<BTreeMap<DeviceKind, Device>> = Mutex::new(BTreeMap::new());
    let mut opened = OPENED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(device) = opened.get(&kind) {
        return Ok(device.clone());
    }
    let adapters = ranked(kind);
    let best = adapters.first().ok_or(DeviceError::NoAdapter { kind })?;
    let options = Device::wgpu_options().graphics_api(interface(kind)).device_kind(choice(best.device_type));
    let refused = |reason: String| DeviceError::Refused { kind, adapter: best.name.clone(), reason };
    let device = options.init().map_err(|error| refused(error.to_string()))?;
    opened.insert(kind, device.clone());
    Ok(device)
}

fn interface(kind: DeviceKind) -> WgpuBackend {
    match kind {
        DeviceKind::Metal => WgpuBackend::Metal,
        _ => WgpuBackend::Vulkan,
    }
}

/// Returns the adapters that the interface lists, sorted by expected speed; equal ones keep the interface's order.
fn ranked(kind: DeviceKind) -> Vec<wgpu::AdapterInfo> {
    let backends = match interface(kind) {
        WgpuBackend::Metal => wgpu::Backends::METAL,
        _ => wgpu::Backends::VULKAN,
    };
    let descriptor = wgpu::InstanceDescriptor { backends, ..wgpu::InstanceDescriptor::new_without_display_handle() };
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters: Vec<_> =
        at_once(instance.enumerate_adapters(backends)).iter().map(wgpu::Adapter::get_info).collect();
    adapters.sort_by_key(|adapter| rank(adapter.device_type));
    adapters
}

fn rank(of: wgpu::DeviceType) -> u8 {
    match of {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

/// Returns burn's choice for the first adapter of a type.
fn choice(of: wgpu::DeviceType) -> Choice {
    match of {
        wgpu::DeviceType::DiscreteGpu => Choice::DiscreteGpu(0),
        wgpu::DeviceType::IntegratedGpu => Choice::IntegratedGpu(0),
        wgpu::DeviceType::VirtualGpu => Choice::VirtualGpu(0),
        wgpu::DeviceType::Cpu => Choice::Cpu,
        wgpu::DeviceType::Other => Choice::DefaultDevice,
    }
}

fn described(info: &wgpu::AdapterInfo) -> Adapter {
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_string();
    Adapter {
        name: info.name.clone(),
        driver: (!driver.is_empty()).then_some(driver),
        software: info.device_type == wgpu::DeviceType::Cpu,
    }
}

/// Returns the result of a future that is ready at once: outside a browser, adapters are listed synchronously.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("native adapters are listed without waiting"),
    }
}
