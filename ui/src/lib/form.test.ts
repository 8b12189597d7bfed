import { expect, it } from "vitest";

import type { SettingsForm } from "./bindings";
import { changedFields, modelsByKind, rebased } from "./form";

const FORM: SettingsForm = {
  model: "m",
  port: "8765",
  threads: "",
  lang: "auto",
  notifications: "all",
  progress_window: "slow",
  start_at_login: false,
  start_daemon: true,
  restart: true,
};

it("tells which fields differ", () => {
  expect(changedFields(FORM, { ...FORM })).toEqual([]);
  expect(changedFields(FORM, { ...FORM, port: "8766", restart: false })).toEqual(["port", "restart"]);
});

it("keeps what was typed when the settings change elsewhere", () => {
  const typed = { ...FORM, port: "9000" };
  const now = { ...FORM, port: "8766", lang: "ja" as const };
  expect(rebased(FORM, typed, now)).toEqual({ ...FORM, port: "9000", lang: "ja" });
  expect(rebased(FORM, FORM, now)).toEqual(now);
});

it("groups models by where they come from and leaves empty groups out", () => {
  const recent = { value: "b", label: "b", kind: "recent" as const };
  const embedded = { value: "a", label: "a", kind: "embedded" as const };
  expect(modelsByKind([recent, embedded])).toEqual([
    { kind: "embedded", models: [embedded] },
    { kind: "recent", models: [recent] },
  ]);
});
