import type { Field, ModelChoice, ModelOrigin, SettingsForm } from "./bindings";

/** Fields whose values differ. */
export function changedFields(before: SettingsForm, after: SettingsForm): Field[] {
  return (Object.keys(before) as Field[]).filter((field) => before[field] !== after[field]);
}

/** The form over settings that have changed meanwhile: what was typed stays, all else follows the settings. */
export function rebased(before: SettingsForm, typed: SettingsForm, now: SettingsForm): SettingsForm {
  const kept = changedFields(before, typed).map((field) => [field, typed[field]] as const);
  return { ...now, ...Object.fromEntries(kept) };
}

/** Where models come from, in the order in which they are offered. */
const ORIGINS: readonly ModelOrigin[] = ["embedded", "folder", "hub"];

/** The models of each origin that has any. */
export function modelsByOrigin(models: readonly ModelChoice[]): { origin: ModelOrigin; models: ModelChoice[] }[] {
  return ORIGINS.map((origin) => ({ origin, models: models.filter((model) => model.origin === origin) })).filter(
    (group) => group.models.length > 0,
  );
}
