/** The present, by `performance.now()`, every `ms` while somebody on the page looks at it. */
export function clock(ms: () => number | null): { readonly now: number } {
  let now = $state(performance.now());
  $effect(() => {
    const every = ms();
    now = performance.now();
    if (every === null) {
      return;
    }
    const timer = setInterval(() => (now = performance.now()), every);
    return () => clearInterval(timer);
  });
  return {
    get now() {
      return now;
    },
  };
}
