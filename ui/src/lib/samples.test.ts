import { describe, expect, it } from "vitest";

import type { Status } from "./bindings";
import { STATUS } from "./fake_scenarios";
import { addPoint, linePath, point, SHOWN, type Look } from "./samples";

function look(at: number, change: Partial<Status>): Look {
  return { at, status: { ...STATUS, ...change } };
}

describe("points", () => {
  it("have the throughput since the last status", () => {
    const now = point(look(1000, { texts_embedded: 100 }), look(3000, { texts_embedded: 160 }));
    expect(now.textsPerSecond).toBe(30);
  });

  it("start over with another daemon", () => {
    expect(point(look(1000, { texts_embedded: 100 }), look(2000, { pid: 1, texts_embedded: 160 })).textsPerSecond).toBe(0);
    expect(point(look(1000, { texts_embedded: 100 }), look(2000, { texts_embedded: 3 })).textsPerSecond).toBe(0);
    expect(point(null, look(2000, {})).textsPerSecond).toBe(0);
  });

  it("have no latency where nothing was asked", () => {
    expect(point(null, look(0, { latency: undefined }))).toMatchObject({ p50Ms: null, p99Ms: null });
  });

  it("are kept up to a number, the newest last", () => {
    let points = addPoint([], { p50Ms: 0, p99Ms: 0, textsPerSecond: 0 });
    for (let rate = 1; rate <= SHOWN; rate += 1) {
      points = addPoint(points, { p50Ms: 0, p99Ms: 0, textsPerSecond: rate });
    }
    expect(points).toHaveLength(SHOWN);
    expect(points[0]?.textsPerSecond).toBe(1);
    expect(points[SHOWN - 1]?.textsPerSecond).toBe(SHOWN);
  });
});

describe("lines", () => {
  it("end at the right edge and stay within the box", () => {
    expect(linePath([0, 10], 10, SHOWN - 1, 20)).toBe(`M${SHOWN - 2}.0 19.0L${SHOWN - 1}.0 1.0`);
  });

  it("break where there is no value", () => {
    expect(linePath([1, null, 1], 1, SHOWN - 1, 20).match(/M/g)).toHaveLength(2);
  });

  it("lie at the bottom where everything is nothing", () => {
    expect(linePath([0, 0], 0, SHOWN - 1, 20)).not.toContain("NaN");
  });
});
