//! The settings as arguments of the hidden daemon command.
//!
//! The front decides and the daemon is told: it reads no configuration file, and its working directory, where
//! relative paths would mean something else, does not matter.

use std::ffi::OsString;

use okibi_protocol::models::Variant;

use crate::{folders::Folders, key::Key, model_choice::DeviceChoice, settings::Settings};

/// Name of the hidden command.
pub const DAEMON_COMMAND: &str = "daemon";

/// Arguments that start a daemon with these settings; the launcher adds `--launch ID`.
///
/// `lang` is the front's language, already decided (`en` or `ja`).
pub fn daemon_args(settings: &Settings, folders: &Folders, lang: &str) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec![DAEMON_COMMAND.into()];
    let mut add = |key: Key, value: Option<OsString>| {
        args.extend(value.map(|value| joined(&key.flag(), value)));
    };
    let number = |number: Option<usize>| number.map(|number| number.to_string().into());
    add(Key::Model, Some(settings.model.value.clone().into()));
    add(Key::Port, Some(settings.port.value.to_string().into()));
    add(Key::Threads, number(settings.threads.value));
    add(Key::Lang, Some(lang.into()));
    add(Key::Log, Some(settings.log.value.clone().into()));
    add(
        Key::DrainSeconds,
        Some(settings.drain_seconds.value.to_string().into()),
    );
    add(Key::Assets, settings.assets.value.clone().map(Into::into));
    add(
        Key::Onnxruntime,
        settings.onnxruntime.value.clone().map(Into::into),
    );
    add(Key::BatchTokens, number(settings.batch_tokens.value));
    add(Key::MaxQueuedTexts, number(settings.max_queued_texts.value));
    add(Key::Host, settings.host.value.map(|host| host.to_string().into()));
    let list = |list: &[String]| (!list.is_empty()).then(|| list.join(",").into());
    add(Key::AllowedHosts, list(&settings.allowed_hosts.value));
    add(Key::AllowedOrigins, list(&settings.allowed_origins.value));
    add(
        Key::RequireToken,
        settings.require_token.value.then(|| "true".into()),
    );
    add(Key::ModelNames, list(&settings.model_names.value));
    add(Key::MaxConnections, number(settings.max_connections.value));
    add(Key::MaxRequestMb, number(settings.max_request_mb.value));
    add(Key::MaxInputs, number(settings.max_inputs.value));
    add(Key::MaxRequestTokens, number(settings.max_request_tokens.value));
    let variant = settings.variant.value;
    add(
        Key::Variant,
        (variant != Variant::Auto).then(|| variant.name().into()),
    );
    let device = settings.device.value;
    add(
        Key::Device,
        (device != DeviceChoice::default()).then(|| device.name().into()),
    );
    let keep_alive = settings.keep_alive.value;
    add(Key::KeepAlive, keep_alive.map(|time| time.to_string().into()));
    add(Key::KeepModels, number(settings.keep_models.value));
    add(Key::MaxModelMb, number(settings.max_model_mb.value));
    add(
        Key::LoadOnDemand,
        (!settings.load_on_demand.value).then(|| "false".into()),
    );
    add(Key::ModelFolders, list(&settings.model_folders.value));
    let seconds = |seconds: Option<u64>| seconds.map(|seconds| seconds.to_string().into());
    add(Key::HeaderSeconds, seconds(settings.header_seconds.value));
    add(Key::BodySeconds, seconds(settings.body_seconds.value));
    add(Key::WriteSeconds, seconds(settings.write_seconds.value));
    add(Key::PingSeconds, seconds(settings.ping_seconds.value));
    add(Key::MaxBatch, number(settings.max_batch.value));
    add(Key::MaxBufferedMb, number(settings.max_buffered_mb.value));
    args.push(joined("--cache-dir", folders.cache.clone().into()));
    args.push(joined("--data-dir", folders.data.clone().into()));
    args
}

/// One argument, so that a value that begins with a dash stays a value.
fn joined(flag: &str, value: OsString) -> OsString {
    let mut arg = OsString::from(flag);
    arg.push("=");
    arg.push(value);
    arg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Flags;

    #[test]
    fn what_is_unset_is_left_to_the_engine() {
        let flags = Flags::default()
            .with(Key::Threads, Some("3".into()))
            .with(Key::Port, Some("9001".into()));
        let settings = Settings::from_flags(&flags).settings;
        let folders = Folders {
            config_file: "c".into(),
            cache: "-cache".into(),
            data: "data".into(),
        };
        assert_eq!(
            daemon_args(&settings, &folders, "ja"),
            [
                "daemon",
                "--model=multilingual-e5-small",
                "--port=9001",
                "--threads=3",
                "--lang=ja",
                "--log=info",
                "--drain-seconds=10",
                "--cache-dir=-cache",
                "--data-dir=data"
            ]
        );
    }
}
