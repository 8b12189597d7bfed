/** What polling needs of the page it is done for. */
export interface Visibility {
  readonly hidden: boolean;
}

/**
 * Calls `ask` now and every `ms`, but neither while the page is hidden nor before the answer to the last call.
 * The returned function ends it; an answer that is still under way then counts for nothing (`isOver`).
 */
export function poll(ask: (isOver: () => boolean) => Promise<void>, ms: number, page: Visibility): () => void {
  let isAsking = false;
  let isOver = false;
  const once = (): void => {
    if (isAsking || page.hidden) {
      return;
    }
    isAsking = true;
    void ask(() => isOver).finally(() => {
      isAsking = false;
    });
  };
  once();
  const timer = setInterval(once, ms);
  return () => {
    isOver = true;
    clearInterval(timer);
  };
}
