//! The device that computes a model: the CPU, or another one that the ONNX Runtime library supports.

use ort::{
    ep::{self, ExecutionProvider, ExecutionProviderDispatch},
    session::builder::SessionBuilder,
};
use strum::IntoStaticStr;

/// A device that computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Device {
    /// The CPU.
    #[default]
    Cpu,
    /// NVIDIA's GPUs.
    Cuda,
    /// Apple's GPUs and neural engines.
    CoreMl,
    /// GPUs on Windows.
    DirectMl,
}

/// Which device is to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DevicePreference {
    /// The fastest that the library has on this machine.
    Auto,
    /// This one. If it is unavailable, the CPU computes, which is reported.
    Only(Device),
}

impl Default for DevicePreference {
    fn default() -> Self {
        Self::Only(Device::Cpu)
    }
}

impl Device {
    /// Devices that are preferred to the CPU, the fastest first.
    const FASTER: [Self; 3] = [Self::Cuda, Self::CoreMl, Self::DirectMl];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns whether the open library was built with it. Whether the machine has such a device shows only when a session
    /// opens.
    fn is_in_library(self) -> bool {
        let is_available = match self {
            Self::Cpu => Ok(true),
            Self::Cuda => ep::CUDA::is_available(),
            Self::CoreMl => ep::CoreML::is_available(),
            Self::DirectMl => ep::DirectML::is_available(),
        };
        is_available.unwrap_or(false)
    }

    /// Sets a session up for it.
    pub(crate) fn configure(self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        let provider: ExecutionProviderDispatch = match self {
            Self::Cpu => return Ok(builder),
            Self::Cuda => ep::CUDA::default().build(),
            Self::CoreMl => ep::CoreML::default().build(),
            // DirectML plans its memory by itself, and refuses a session that does too.
            Self::DirectMl => {
                let builder = builder.with_memory_pattern(false)?;
                return Ok(
                    builder.with_execution_providers([ep::DirectML::default().build().error_on_failure()])?
                );
            }
        };
        Ok(builder.with_execution_providers([provider.error_on_failure()])?)
    }
}

impl DevicePreference {
    /// Returns the devices to try, in order of preference; the CPU is always the last.
    pub(crate) fn candidates(self) -> Vec<Device> {
        let mut devices: Vec<Device> = match self {
            Self::Auto => Device::FASTER.to_vec(),
            Self::Only(device) => vec![device],
        };
        devices.retain(|device| *device != Device::Cpu && device.is_in_library());
        devices.push(Device::Cpu);
        devices
    }

    /// Returns the device that was asked for by its name, where `used` is another.
    pub(crate) fn missed(self, used: Device) -> Option<Device> {
        match self {
            Self::Only(asked) if asked != used => Some(asked),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_device_asked_for_by_name_is_missed() {
        assert_eq!(DevicePreference::Auto.missed(Device::Cpu), None);
        assert_eq!(DevicePreference::default().missed(Device::Cpu), None);
        let cuda = DevicePreference::Only(Device::Cuda);
        assert_eq!(cuda.missed(Device::Cpu), Some(Device::Cuda));
    }
}
