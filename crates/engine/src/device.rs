//! What computes a model: the processor, or what the ONNX Runtime library knows beside it.

use ort::{
    ep::{self, ExecutionProvider, ExecutionProviderDispatch},
    session::builder::SessionBuilder,
};

/// Something that computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA's graphics cards.
    Cuda,
    /// Apple's.
    CoreMl,
    /// Graphics cards on Windows.
    DirectMl,
}

/// What is to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceWish {
    /// The fastest that the library has on this machine.
    Auto,
    /// This one; the processor where it is not to be had, which is told.
    Only(Device),
}

impl Default for DeviceWish {
    fn default() -> Self {
        Self::Only(Device::Cpu)
    }
}

impl Device {
    /// Devices that go before the processor, the fastest first.
    const FASTER: [Self; 3] = [Self::Cuda, Self::CoreMl, Self::DirectMl];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::CoreMl => "coreml",
            Self::DirectMl => "directml",
        }
    }

    /// Whether the open library was built with it; whether there is such a device shows only when a session opens.
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
            // It plans its memory by itself and says so where a session does too.
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

impl DeviceWish {
    /// Devices to try, the first first; the processor is always the last.
    pub(crate) fn candidates(self) -> Vec<Device> {
        let mut devices: Vec<Device> = match self {
            Self::Auto => Device::FASTER.to_vec(),
            Self::Only(device) => vec![device],
        };
        devices.retain(|device| *device != Device::Cpu && device.is_in_library());
        devices.push(Device::Cpu);
        devices
    }

    /// The device that was asked for by its name, where `used` is another.
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
        assert_eq!(DeviceWish::Auto.missed(Device::Cpu), None);
        assert_eq!(DeviceWish::default().missed(Device::Cpu), None);
        let cuda = DeviceWish::Only(Device::Cuda);
        assert_eq!(cuda.missed(Device::Cpu), Some(Device::Cuda));
    }
}
