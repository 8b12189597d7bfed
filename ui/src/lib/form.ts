import type { Field, ModelChoice, ModelKind, SettingsForm } from "./bindings";

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
const KINDS: readonly ModelKind[] = ["embedded", "folder", "recent"];

/** The models of each kind that has any. */
export function modelsByKind(models: readonly ModelChoice[]): { kind: ModelKind; models: ModelChoice[] }[] {
  return KINDS.map((kind) => ({ kind, models: models.filter((model) => model.kind === kind) })).filter(
    (group) => group.models.length > 0,
  );
}
