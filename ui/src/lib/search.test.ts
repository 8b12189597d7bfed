import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Found, SearchView } from "./bindings";
import { canFind, finder, isDue, shares, type Answer } from "./search";

/** A daemon that answers when the test says so. */
function slow() {
  const asked: string[] = [];
  const answers: ((found: Found | undefined) => void)[] = [];
  const shown: (string | null)[] = [];
  const find = (query: string): Promise<Found | undefined> => {
    asked.push(query);
    return new Promise((resolve) => answers.push(resolve));
  };
  const show = (answer: Answer | null): void => void shown.push(answer?.query ?? null);
  const answer = async (at: number, found: Found | null = { hits: [], took_ms: 1 }): Promise<void> => {
    answers[at]?.(found ?? undefined);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { asked, shown, answer, finder: finder(find, show, 150) };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a finder", () => {
  it("asks once the typing pauses, without the spaces around it", async () => {
    const { asked, shown, answer, finder } = slow();
    finder.type("電");
    await vi.advanceTimersByTimeAsync(100);
    finder.type("電車 ");
    await vi.advanceTimersByTimeAsync(149);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    finder.type(" 電車");
    await answer(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toEqual(["電車"]);
    expect(shown).toEqual(["電車"]);
  });

  it("has one request under way, and asks only the newest after it", async () => {
    const { asked, shown, answer, finder } = slow();
    for (const query of ["a", "ab", "abc"]) {
      finder.type(query);
      await vi.advanceTimersByTimeAsync(200);
    }
    expect(asked).toEqual(["a"]);
    await answer(0);
    expect(asked).toEqual(["a", "abc"]);
    expect(shown).toEqual([]);
    await answer(1);
    expect(shown).toEqual(["abc"]);
  });

  it("drops an answer that comes while the next query is typed", async () => {
    const { asked, shown, answer, finder } = slow();
    finder.type("a");
    await vi.advanceTimersByTimeAsync(150);
    finder.type("ab");
    await answer(0);
    expect(shown).toEqual([]);
    await vi.advanceTimersByTimeAsync(150);
    expect(asked).toEqual(["a", "ab"]);
  });

  it("shows nothing for an empty field, whatever is under way", async () => {
    const { asked, shown, answer, finder } = slow();
    finder.type("a");
    await vi.advanceTimersByTimeAsync(150);
    finder.type("  ");
    await answer(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toEqual(["a"]);
    expect(shown).toEqual([null]);
  });

  it("asks again at once, also during a request, and never without a query", async () => {
    const { asked, answer, finder } = slow();
    finder.again();
    finder.type("a");
    finder.again();
    expect(asked).toEqual(["a"]);
    finder.again();
    await vi.advanceTimersByTimeAsync(500);
    expect(asked).toEqual(["a"]);
    await answer(0);
    expect(asked).toEqual(["a", "a"]);
  });

  it("shows nothing where it failed, and finds again afterwards", async () => {
    const { shown, answer, finder } = slow();
    finder.type("a");
    await vi.advanceTimersByTimeAsync(150);
    await answer(0, null);
    finder.type("b");
    await vi.advanceTimersByTimeAsync(150);
    await answer(1);
    expect(shown).toEqual([null, "b"]);
  });

  it("ends", async () => {
    const { asked, shown, answer, finder } = slow();
    finder.type("a");
    await vi.advanceTimersByTimeAsync(150);
    finder.type("b");
    finder.end();
    await answer(0);
    await vi.advanceTimersByTimeAsync(1000);
    finder.again();
    expect([asked, shown]).toEqual([["a"], []]);
  });
});

const VIEW: SearchView = { state: "embedding", source: null, total: 100, done: 10, model: "e5", message: null };

it("a query is asked again when there are other texts, but not too often", () => {
  const more = { ...VIEW, done: 20 };
  const ready: SearchView = { ...VIEW, state: "ready", done: 100 };
  expect(isDue(VIEW, VIEW, 5000)).toBe(false);
  expect(isDue(VIEW, more, 900)).toBe(false);
  expect(isDue(VIEW, more, 1000)).toBe(true);
  expect(isDue(more, ready, 100)).toBe(true);
  expect(isDue({ ...VIEW, done: 100 }, ready, 100)).toBe(true);
  expect(isDue(ready, ready, 5000)).toBe(false);
  expect(isDue(null, ready, 0)).toBe(true);
});

it("what is done can be searched, also after a failure", () => {
  expect(canFind({ ...VIEW, state: "empty", done: 0 })).toBe(false);
  expect(canFind({ ...VIEW, state: "reading", done: 0 })).toBe(true);
  expect(canFind({ ...VIEW, state: "failed", done: 0 })).toBe(false);
  expect(canFind({ ...VIEW, state: "failed" })).toBe(true);
});

it("bars show how far the others are behind the best", () => {
  expect(shares([0.9, 0.8, 0.7]).map((share) => share.toFixed(2))).toEqual(["1.00", "0.55", "0.10"]);
  expect(shares([0.4])).toEqual([1]);
  expect(shares([])).toEqual([]);
});
