import { untrack } from "svelte";

import { view, viewAt } from "./app.svelte";
import { followPulls, NO_SAMPLES } from "./models";
import type { Sample } from "./pace";

/** How far each download was lately, by the model: what its speed is computed from. */
export function pullSamples(): { of(model: string): readonly Sample[] } {
  let samples = $state.raw<ReadonlyMap<string, readonly Sample[]>>(NO_SAMPLES);
  $effect(() => {
    const { pulls } = view();
    samples = followPulls(
      untrack(() => samples),
      pulls,
      viewAt(),
    );
  });
  return { of: (model) => samples.get(model) ?? [] };
}
