import { expect, it } from "vitest";

import type { SettingsForm } from "./bindings";
import { changedFields, modelsByOrigin, rebased } from "./form";

const FORM: SettingsForm = {
  model: "m",
  port: "8765",
  threads: "",
  variant: "auto",
  device: "cpu",
  keep_alive: "",
  models_dir: "",
  hub_url: "",
  proxy: "",
  allowed_hosts: "",
  allowed_origins: "",
  require_token: false,
  lang: "auto",
  notifications: "all",
  progress_window: "slow",
  update_url: "",
  update_key: "",
  start_at_login: false,
  start_daemon: true,
  restart_daemon: true,
};

it("finds the fields that differ", () => {
  expect(changedFields(FORM, { ...FORM })).toEqual([]);
  expect(changedFields(FORM, { ...FORM, port: "8766", restart_daemon: false })).toEqual(["port", "restart_daemon"]);
});

it("keeps what was typed when the settings change elsewhere", () => {
  const typed = { ...FORM, port: "9000" };
  const now = { ...FORM, port: "8766", lang: "ja" as const };
  expect(rebased(FORM, typed, now)).toEqual({ ...FORM, port: "9000", lang: "ja" });
  expect(rebased(FORM, FORM, now)).toEqual(now);
});

it("groups models by where they come from and leaves empty groups out", () => {
  const hub = { value: "b", label: "b", origin: "hub" as const };
  const embedded = { value: "a", label: "a", origin: "embedded" as const };
  expect(modelsByOrigin([hub, embedded])).toEqual([
    { origin: "embedded", models: [embedded] },
    { origin: "hub", models: [hub] },
  ]);
});
