import { expect, it } from "vitest";

import { filtered, isSame, levelled } from "./log";

const LINES = [
  "the end of a record that began earlier",
  "2026-11-24T04:12:00.104Z  INFO okibi: the daemon begins pid=4821 port=8765",
  "2026-11-24T04:12:00.106Z  WARN okibi: an ERROR of another program",
  "2026-11-24T04:12:00.138Z ERROR okibi: the model cannot be opened",
  "  caused by: Protobuf parsing failed.",
  "2026-11-24T04:12:01.000Z DEBUG okibi: over",
];

it("reads the level of each record, and of all its lines", () => {
  expect(levelled(LINES).map(({ level }) => level)).toEqual(["info", "info", "warn", "error", "error", "info"]);
});

it("shows the levels that are chosen", () => {
  const lines = levelled(LINES);
  expect(filtered(lines, "all", "")).toHaveLength(6);
  expect(filtered(lines, "warnings", "")).toEqual(lines.slice(2, 5));
  expect(filtered(lines, "errors", "")).toEqual(lines.slice(3, 5));
});

it("finds words in capitals or not", () => {
  const found = filtered(levelled(LINES), "all", " PROTOBUF ");
  expect(found.map(({ text }) => text)).toEqual([LINES[4]]);
  expect(filtered(levelled(LINES), "warnings", "daemon")).toEqual([]);
});

it("tells whether something is new", () => {
  expect(isSame(LINES, [...LINES])).toBe(true);
  expect(isSame(LINES, LINES.slice(1))).toBe(false);
  expect(isSame(["a"], ["b"])).toBe(false);
});
