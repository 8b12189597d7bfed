import type { Status } from "./bindings";

/** What the charts show of one look at the daemon. */
export interface Point {
  p50Ms: number | null;
  p99Ms: number | null;
  textsPerSecond: number;
}

/** A status and when it came, by `performance.now()`. */
export interface Look {
  at: number;
  status: Status;
}

/** Points that a chart shows. */
export const SHOWN = 60;

/** The point of `now`; the throughput is that since `before`, of the same daemon. */
export function point(before: Look | null, now: Look): Point {
  const isSame = before !== null && before.status.pid === now.status.pid && now.at > before.at;
  const texts = isSame ? now.status.texts_embedded - before.status.texts_embedded : 0;
  return {
    p50Ms: now.status.latency?.p50_ms ?? null,
    p99Ms: now.status.latency?.p99_ms ?? null,
    textsPerSecond: isSame ? Math.max(0, texts) / ((now.at - before.at) / 1000) : 0,
  };
}

/** Adds a point and drops the oldest beyond `SHOWN`. */
export function addPoint(points: readonly Point[], added: Point): Point[] {
  return [...points, added].slice(-SHOWN);
}

/** A line through values in a box of `width` × `height`, the newest at the right, with gaps for missing values. */
export function linePath(values: readonly (number | null)[], max: number, width: number, height: number): string {
  const step = width / (SHOWN - 1);
  let path = "";
  let isDrawing = false;
  values.forEach((value, at) => {
    if (value === null) {
      isDrawing = false;
      return;
    }
    const x = width - (values.length - 1 - at) * step;
    const y = height - (max > 0 ? value / max : 0) * (height - 2) - 1;
    path += `${isDrawing ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    isDrawing = true;
  });
  return path;
}
