import { describe, expect, it } from "vitest";

import { messagesOf } from ".";

/** Every word's name and kind: `actions.start: string`. */
function shape(table: object, path = ""): string[] {
  return Object.entries(table)
    .flatMap(([key, value]: [string, unknown]) =>
      typeof value === "object" && value !== null ? shape(value, `${path}${key}.`) : [`${path}${key}: ${typeof value}/${lengthOf(value)}`],
    )
    .sort();
}

/** A function's number of arguments: a language that forgets one leaves something unsaid. */
function lengthOf(value: unknown): number {
  return typeof value === "function" ? value.length : 0;
}

function words(table: object): [string, unknown][] {
  return Object.entries(table).flatMap(([key, value]: [string, unknown]) =>
    typeof value === "object" && value !== null ? words(value) : [[key, value] as [string, unknown]],
  );
}

describe("the tables", () => {
  it("have the same words in both languages", () => {
    expect(shape(messagesOf("ja"))).toEqual(shape(messagesOf("en")));
  });

  it.each(["en", "ja"] as const)("leave no word empty and no argument out: %s", (lang) => {
    for (const [key, word] of words(messagesOf(lang))) {
      if (typeof word === "function") {
        const given = ["<1>", "<2>", "<3>"].slice(0, word.length);
        const text = String((word as (...given: string[]) => string)(...given));
        for (const argument of given) {
          expect(text, key).toContain(argument);
        }
      } else {
        expect(word, key).not.toBe("");
      }
    }
  });

  it("differ", () => {
    expect(messagesOf("ja").actions.start).not.toBe(messagesOf("en").actions.start);
  });
});
