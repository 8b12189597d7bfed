import { describe, expect, it } from "vitest";

import { heatLevels, LEVELS, nearestPair, sentences, similarities } from "./similarity";

const half = Math.SQRT1_2;

describe("similarity", () => {
  it("is the cosine of every pair", () => {
    const matrix = similarities([
      [1, 0],
      [0, 1],
      [half, half],
    ]);
    expect(matrix.map((row) => row.map((value) => Number(value.toFixed(3))))).toEqual([
      [1, 0, 0.707],
      [0, 1, 0.707],
      [0.707, 0.707, 1],
    ]);
  });

  it("finds the nearest pair, not a text with itself", () => {
    expect(
      nearestPair([
        [1, 0.2, 0.3],
        [0.2, 1, 0.8],
        [0.3, 0.8, 1],
      ]),
    ).toEqual({ row: 1, column: 2, value: 0.8 });
    expect(nearestPair([[1]])).toBeNull();
  });
});

describe("heat levels", () => {
  it("spread over the pairs, whatever the diagonal", () => {
    const levels = heatLevels([
      [1, 0.8, 0.85],
      [0.8, 1, 0.9],
      [0.85, 0.9, 1],
    ]);
    expect(levels[0]?.[1]).toBe(0);
    expect(levels[1]?.[2]).toBe(LEVELS - 1);
    expect(levels[0]?.[2]).toBeGreaterThan(0);
    expect(levels[0]?.[2]).toBeLessThan(LEVELS - 1);
    expect(levels[2]?.[1]).toBe(levels[1]?.[2]);
  });

  it("stay within their range where all pairs are alike", () => {
    expect(heatLevels([[1, 0.5], [0.5, 1]]).flat().every((level) => level >= 0 && level < LEVELS)).toBe(true);
    expect(heatLevels([[1]]).flat().every((level) => level >= 0 && level < LEVELS)).toBe(true);
  });
});

it("reads one sentence a line and skips blank ones", () => {
  expect(sentences(" 一つ目 \r\n\n　\n二つ目")).toEqual(["一つ目", "二つ目"]);
});
