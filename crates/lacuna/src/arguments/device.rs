//! `--device`: where to compute.

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use lacuna_nn::{DEVICE_KINDS, DeviceKind};

/// One of the devices that some build knows; whether this one does is found out when it is opened.
pub fn parser() -> impl TypedValueParser<Value = DeviceKind> {
    Parser
}

#[derive(Clone)]
struct Parser;

impl TypedValueParser for Parser {
    type Value = DeviceKind;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &std::ffi::OsStr) -> Result<DeviceKind, Error> {
        let name = value.to_string_lossy();
        let named = DEVICE_KINDS.into_iter().find(|kind| kind.name() == name);
        named.ok_or_else(|| {
            let known = DEVICE_KINDS.map(|kind| kind.name().to_string()).to_vec();
            let mut error = Error::new(ErrorKind::InvalidValue).with_cmd(command);
            error.insert(ContextKind::InvalidArg, ContextValue::String("--device <DEVICE>".to_string()));
            error.insert(ContextKind::InvalidValue, ContextValue::String(name.to_string()));
            error.insert(ContextKind::ValidValue, ContextValue::Strings(known));
            if let Some(kind) = meant(&name) {
                error.insert(ContextKind::SuggestedValue, ContextValue::String(kind.name().to_string()));
            }
            error
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(DEVICE_KINDS.into_iter().map(|kind| PossibleValue::new(kind.name()).help(about(kind)))))
    }
}

/// What other programs call a device. A graphics processor in general is the kind that this build has.
fn meant(name: &str) -> Option<DeviceKind> {
    let graphics = DEVICE_KINDS.into_iter().filter(|kind| *kind != DeviceKind::Cpu);
    match name.to_ascii_lowercase().as_str() {
        "mps" => Some(DeviceKind::Metal),
        lower if lower.starts_with("cuda") => Some(DeviceKind::Cuda),
        lower if lower.starts_with("cpu") => Some(DeviceKind::Cpu),
        lower if ["gpu", "auto", "rocm", "hip", "xpu"].iter().any(|word| lower.starts_with(word)) => {
            Some(graphics.clone().find(|kind| kind.is_built()).unwrap_or(DeviceKind::Vulkan))
        }
        _ => DEVICE_KINDS.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name)),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graphics_processor_under_the_names_of_other_programs_is_never_the_processor() {
        for name in ["gpu", "GPU", "gpu:0", "cuda:0", "CUDA", "mps", "auto", "rocm"] {
            assert!(meant(name).is_some_and(|kind| kind != DeviceKind::Cpu), "{name}");
        }
        assert_eq!((meant("mps"), meant("cuda:1")), (Some(DeviceKind::Metal), Some(DeviceKind::Cuda)));
        assert_eq!((meant("cpu:0"), meant("toaster")), (Some(DeviceKind::Cpu), None));
    }

    #[test]
    fn every_device_is_read_by_its_name() {
        let command = Command::new("lacuna");
        for kind in DEVICE_KINDS {
            assert_eq!(Parser.parse_ref(&command, None, kind.name().as_ref()).unwrap(), kind);
        }
        let refused = Parser.parse_ref(&command, None, "gpu".as_ref()).unwrap_err().to_string();
        assert!(
            refused.contains("gpu") && refused.contains("vulkan") && !refused.contains("similar value exists: 'cpu'")
        );
    }
}
