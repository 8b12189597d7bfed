import { describe, expect, it } from "vitest";

import { addSample, pace, type Sample } from "./pace";

describe("pace", () => {
  const samples: Sample[] = [
    { at: 1000, done: 100 },
    { at: 2000, done: 300 },
    { at: 3000, done: 500 },
  ];

  it("has speed and time left", () => {
    expect(pace(samples, 900)).toEqual({ perSecond: 200, leftMs: 2000 });
  });

  it("has only the speed where the total is unknown", () => {
    expect(pace(samples, null)).toEqual({ perSecond: 200, leftMs: null });
  });

  it("is unknown after too short a time or without progress", () => {
    expect(pace([], 9)).toBeNull();
    expect(pace(samples.slice(0, 1), 9)).toBeNull();
    expect(pace([{ at: 0, done: 1 }, { at: 100, done: 5 }], 9)).toBeNull();
    expect(pace([{ at: 0, done: 5 }, { at: 900, done: 5 }], 9)).toBeNull();
  });

  it("never has a negative time left", () => {
    expect(pace(samples, 400)?.leftMs).toBe(0);
  });

  it("forgets measures of long ago", () => {
    const kept = addSample([{ at: 0, done: 1 }, { at: 4000, done: 2 }], { at: 6000, done: 3 });
    expect(kept.map((sample) => sample.at)).toEqual([4000, 6000]);
  });

  it("starts over where a count goes back", () => {
    expect(addSample(samples, { at: 3100, done: 10 })).toEqual([{ at: 3100, done: 10 }]);
  });
});
