import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { CLOSE_AFTER, countDown, onTouch } from "./autoclose";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("count down", () => {
  it("counts every second and closes once", () => {
    const told: number[] = [];
    const close = vi.fn();
    countDown((seconds) => told.push(seconds), close);
    vi.advanceTimersByTime((CLOSE_AFTER - 1) * 1000);
    expect(close).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(close).toHaveBeenCalledOnce();
    expect(told).toEqual([5, 4, 3, 2, 1, 0]);
  });

  it("closes nothing once it is ended", () => {
    const close = vi.fn();
    const end = countDown(() => undefined, close);
    vi.advanceTimersByTime((CLOSE_AFTER - 1) * 1000);
    end();
    vi.advanceTimersByTime(60_000);
    expect(close).not.toHaveBeenCalled();
  });
});

describe("touch", () => {
  function moved(x: number): Event {
    return Object.assign(new Event("pointermove"), { clientX: x, clientY: 0 });
  }

  it.each(["pointerdown", "keydown", "wheel", "focusin"])("is %s", (sign) => {
    const window = new EventTarget();
    const touched = vi.fn();
    onTouch(window, touched);
    window.dispatchEvent(new Event(sign));
    expect(touched).toHaveBeenCalledOnce();
  });

  it("is a pointer that goes some way, not one that the window opens under", () => {
    const window = new EventTarget();
    const touched = vi.fn();
    onTouch(window, touched);
    window.dispatchEvent(moved(300));
    window.dispatchEvent(moved(303));
    expect(touched).not.toHaveBeenCalled();
    window.dispatchEvent(moved(320));
    expect(touched).toHaveBeenCalledOnce();
  });

  it("is not heard once nobody listens", () => {
    const window = new EventTarget();
    const touched = vi.fn();
    onTouch(window, touched)();
    window.dispatchEvent(new Event("keydown"));
    expect(touched).not.toHaveBeenCalled();
  });
});
