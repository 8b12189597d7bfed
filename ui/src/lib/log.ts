import type { LogChoice } from "./types";

export const LOG_CHOICES: readonly LogChoice[] = ["all", "warnings", "errors"];

export type LogLevel = "error" | "warn" | "info";

/** A line of the log, and how grave it is. */
export interface LogLine {
  text: string;
  level: LogLevel;
}

/** The head of a record: `2026-11-24T04:12:00.104Z  INFO okibi: …`. */
const HEAD = /^\d{4}-\d{2}-\d{2}T\S+\s+(ERROR|WARN|INFO|DEBUG|TRACE)\b/;

/** The lines with their levels; one that begins no record belongs to the record before it. */
export function levelled(lines: readonly string[]): LogLine[] {
  let level: LogLevel = "info";
  return lines.map((text) => {
    const word = HEAD.exec(text)?.[1];
    if (word !== undefined) {
      level = word === "ERROR" ? "error" : word === "WARN" ? "warn" : "info";
    }
    return { text, level };
  });
}

const SHOWN: Record<LogChoice, readonly LogLevel[]> = {
  all: ["error", "warn", "info"],
  warnings: ["error", "warn"],
  errors: ["error"],
};

/** The lines of the levels that are chosen and with the words that are typed, in capitals or not. */
export function filtered(lines: readonly LogLine[], choice: LogChoice, words: string): LogLine[] {
  const wanted = words.trim().toLowerCase();
  return lines.filter(({ text, level }) => SHOWN[choice].includes(level) && text.toLowerCase().includes(wanted));
}

/** Whether two looks at the log show the same. */
export function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, at) => line === other[at]);
}
