/** Seconds until a window that is ready closes by itself. */
export const CLOSE_AFTER = 5;

/** A pointer that moves less than this, in pixels, has not been moved by anybody. */
const STIR = 12;

/** Counts down in whole seconds and calls `close` at the end. The returned function ends it for good. */
export function countDown(onSecond: (seconds: number) => void, close: () => void, seconds = CLOSE_AFTER): () => void {
  let left = seconds;
  onSecond(left);
  const timer = setInterval(() => {
    left -= 1;
    onSecond(left);
    if (left <= 0) {
      clearInterval(timer);
      close();
    }
  }, 1000);
  return () => clearInterval(timer);
}

/**
 * Calls `touched` at the first sign that somebody uses the window. A window that opens under the pointer gets
 * one move event, so that the pointer has to go some way. The returned function stops listening.
 */
export function onTouch(window: EventTarget, touched: () => void): () => void {
  const stop = new AbortController();
  let from: { x: number; y: number } | null = null;
  const move = (event: Event): void => {
    const { clientX: x, clientY: y } = event as PointerEvent;
    from ??= { x, y };
    if (Math.hypot(x - from.x, y - from.y) >= STIR) {
      touched();
    }
  };
  for (const sign of ["pointerdown", "keydown", "wheel", "focusin"]) {
    window.addEventListener(sign, touched, { signal: stop.signal, passive: true });
  }
  window.addEventListener("pointermove", move, { signal: stop.signal, passive: true });
  return () => stop.abort();
}
