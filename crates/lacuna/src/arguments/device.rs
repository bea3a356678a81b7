//! `--device`: where to compute.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use lacuna_nn::{DEVICE_KINDS, DeviceKind};

/// One of the devices that some build knows; whether this one does is found out when it is opened.
pub fn parser() -> impl TypedValueParser<Value = DeviceKind> {
    let values = DEVICE_KINDS.map(|kind| PossibleValue::new(kind.name()).help(about(kind)));
    PossibleValuesParser::new(values).map(|name| {
        let named = DEVICE_KINDS.into_iter().find(|kind| kind.name() == name);
        named.expect("the parser lets only these names pass")
    })
}

fn about(kind: DeviceKind) -> String {
    let about = match kind {
        DeviceKind::Cpu => "The processor, with lacuna's own kernels; byte for byte repeatable",
        DeviceKind::Vulkan => "A graphics processor with a Vulkan driver",
        DeviceKind::Cuda => "An NVIDIA graphics processor",
        DeviceKind::Metal => "An Apple graphics processor",
    };
    if kind.is_built() { about.to_string() } else { format!("{about} (not in this build)") }
}
