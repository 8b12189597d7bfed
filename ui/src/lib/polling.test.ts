import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { poll } from "./polling";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("asks at once and then in time", async () => {
  const ask = vi.fn(() => Promise.resolve());
  poll(ask, 1000, { hidden: false });
  expect(ask).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(3000);
  expect(ask).toHaveBeenCalledTimes(4);
});

it("does not ask again before the answer", async () => {
  let answer: () => void = () => undefined;
  const ask = vi.fn(() => new Promise<void>((resolve) => (answer = resolve)));
  poll(ask, 1000, { hidden: false });
  await vi.advanceTimersByTimeAsync(5000);
  expect(ask).toHaveBeenCalledTimes(1);
  answer();
  await vi.advanceTimersByTimeAsync(1000);
  expect(ask).toHaveBeenCalledTimes(2);
});

it("does not ask while the page is hidden", async () => {
  const page = { hidden: true };
  const ask = vi.fn(() => Promise.resolve());
  poll(ask, 1000, page);
  await vi.advanceTimersByTimeAsync(5000);
  expect(ask).not.toHaveBeenCalled();
  page.hidden = false;
  await vi.advanceTimersByTimeAsync(1000);
  expect(ask).toHaveBeenCalledTimes(1);
});

it("ends, and says so to an answer that comes too late", async () => {
  let isOver = (): boolean => false;
  const ask = vi.fn((given: () => boolean) => {
    isOver = given;
    return Promise.resolve();
  });
  const end = poll(ask, 1000, { hidden: false });
  expect(isOver()).toBe(false);
  end();
  expect(isOver()).toBe(true);
  await vi.advanceTimersByTimeAsync(5000);
  expect(ask).toHaveBeenCalledTimes(1);
});
