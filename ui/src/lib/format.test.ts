import { describe, expect, it } from "vitest";

import { ago, duration, list, number, percent, roughly, sentences, size, timeOfDay } from "./format";

describe("durations", () => {
  it.each([
    [0, "0.00 sec"],
    [296, "0.30 sec"],
    [9_994, "9.99 sec"],
    [12_340, "12.3 sec"],
    [59_949, "59.9 sec"],
    [59_960, "1 min 0 sec"],
    [61_000, "1 min 1 sec"],
    [3_600_000, "1 hr 0 min"],
    [11_520_000, "3 hr 12 min"],
    [90_000_000, "1 day 1 hr"],
    [-5, "0.00 sec"],
  ])("reads %d ms as %s", (ms, text) => {
    expect(duration(ms, "en")).toBe(text);
  });

  it("shows milliseconds where they matter", () => {
    expect(duration(9.44, "en", true)).toBe("9.4 ms");
    expect(duration(231.4, "en", true)).toBe("231 ms");
    expect(duration(1500, "en", true)).toBe("1.50 sec");
  });

  it("speaks Japanese", () => {
    expect(duration(296, "ja")).toBe("0.30 秒");
    expect(duration(11_520_000, "ja")).toBe("3 時間 12 分");
  });
});

it.each([
  [120, "1 sec"],
  [28_400, "28 sec"],
  [59_600, "1 min 0 sec"],
  [132_900, "2 min 13 sec"],
])("guesses %d ms as %s", (ms, text) => {
  expect(roughly(ms, "en")).toBe(text);
});

describe("sizes", () => {
  it.each([
    [0, "0 byte"],
    [999, "999 byte"],
    [999_960, "1.0 MB"],
    [141_000_000, "141.0 MB"],
    [2_500_000_000, "2.5 GB"],
  ])("reads %d bytes as %s", (bytes, text) => {
    expect(size(bytes, "en")).toBe(text);
  });
});

it("groups digits", () => {
  expect(number(20_450, "ja")).toBe("20,450");
  expect(number(0.8, "en", 2)).toBe("0.80");
});

it("a share is whole only when nothing is missing", () => {
  expect(percent(0.29, "en")).toBe("29%");
  expect(percent(0.999, "ja")).toBe("99%");
  expect(percent(1, "en")).toBe("100%");
});

it("tells the time to the second, from 0 to 23", () => {
  expect(timeOfDay(new Date(2026, 10, 24, 0, 5, 9).getTime(), "en")).toBe("00:05:09");
  expect(timeOfDay(new Date(2026, 10, 24, 14, 5, 9).getTime(), "ja")).toBe("14:05:09");
});

describe("how long ago", () => {
  it("tells the last minute in seconds where one follows it", () => {
    expect(ago(200, "en", true)).toBe("now");
    expect(ago(3_000, "en", true)).toBe("3 seconds ago");
    expect(ago(3_000, "ja", true)).toBe("3 秒前");
    expect(ago(90_000, "en", true)).toBe("1 minute ago");
  });

  it("is as fine as it is useful", () => {
    expect(ago(40_000, "en")).toBe("just now");
    expect(ago(5 * 60_000, "en")).toBe("5 minutes ago");
    expect(ago(25 * 3_600_000, "en")).toBe("yesterday");
    expect(ago(3 * 86_400_000, "ja")).toBe("3 日前");
    expect(ago(21 * 86_400_000, "en")).toBe("3 weeks ago");
    expect(ago(800 * 86_400_000, "en")).toBe("2 years ago");
  });
});

it("puts words and sentences in a row, as the language does", () => {
  expect(list(["a", "b", "c"], "en")).toBe("a, b, and c");
  expect(list(["a", "b", "c"], "ja")).toBe("a、b、c");
  expect(sentences(["One.", "Two."], "en")).toBe("One. Two.");
  expect(sentences(["一。", "二。"], "ja")).toBe("一。二。");
});

it("tells a time of day to the second, in 24 hours", () => {
  expect(timeOfDay(new Date(2026, 10, 27, 0, 3, 4).getTime(), "en")).toBe("00:03:04");
  expect(timeOfDay(new Date(2026, 10, 27, 15, 3, 4).getTime(), "ja")).toBe("15:03:04");
});
