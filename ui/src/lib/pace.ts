/** How much was done at a time, by `performance.now()`. */
export interface Sample {
  at: number;
  done: number;
}

/** Samples older than this do not count for the speed. */
const WINDOW_MS = 5000;

/** Adds a sample and drops what is too old; a count that went back starts over. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const last = samples[samples.length - 1];
  if (last && sample.done < last.done) {
    return [sample];
  }
  return [...samples.filter((known) => sample.at - known.at <= WINDOW_MS), sample];
}

/** Returns the speed in units per second and the milliseconds that are left; `null` while it is not known yet. */
export function pace(samples: readonly Sample[], total: number | null | undefined): { perSecond: number; leftMs: number | null } | null {
  const first = samples[0];
  const last = samples[samples.length - 1];
  if (!first || !last || last.at - first.at < 500 || last.done <= first.done) {
    return null;
  }
  const perSecond = ((last.done - first.done) / (last.at - first.at)) * 1000;
  return { perSecond, leftMs: total == null ? null : Math.max(0, (total - last.done) / perSecond) * 1000 };
}
