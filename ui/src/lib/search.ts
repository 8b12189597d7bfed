import type { Found, SearchState, SearchView } from "./bindings";

/** Time without a keystroke after which a query is asked. */
export const WAIT = 150;

/** Time between two answers to the same query while more and more texts are there. */
const AGAIN_EVERY = 1000;

/** What was found, and for which query. */
export interface Answer {
  query: string;
  found: Found;
}

export interface Finder {
  /** Takes what is typed so far. */
  type(query: string): void;
  /** Asks the newest query once more: there are other texts now. */
  again(): void;
  /** Ends it; an answer that is still under way is not shown. */
  end(): void;
}

/**
 * Finds while somebody types: asks a query once no key is pressed for `wait` ms, one at a time, and shows no answer to a
 * query that another has replaced. `find` gives `undefined` where it failed; `show` gets `null` where there is nothing to show.
 */
export function finder(find: (query: string) => Promise<Found | undefined>, show: (answer: Answer | null) => void, wait = WAIT): Finder {
  let newest = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsking = false;
  /** Whether the newest query is to be asked when the answer under way is there. */
  let isOwed = false;
  let isOver = false;

  async function ask(): Promise<void> {
    isOwed = true;
    if (isAsking) {
      return;
    }
    isAsking = true;
    while (isOwed && newest !== "" && !isOver) {
      isOwed = false;
      const query = newest;
      const found = await find(query).catch(() => undefined);
      if (query === newest && !isOver) {
        show(found ? { query, found } : null);
      }
    }
    isAsking = false;
  }

  return {
    type(query) {
      const trimmed = query.trim();
      if (trimmed === newest) {
        return;
      }
      newest = trimmed;
      isOwed = false;
      clearTimeout(timer);
      if (newest === "") {
        show(null);
      } else {
        timer = setTimeout(() => void ask(), wait);
      }
    },
    again() {
      if (newest !== "" && !isOver) {
        clearTimeout(timer);
        void ask();
      }
    },
    end() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

/** Whether the texts become more by themselves. */
export function isMoving(state: SearchState): boolean {
  return state === "reading" || state === "embedding";
}

/** Whether a query finds something, now or in a moment. */
export function canFind(view: SearchView): boolean {
  return view.state === "ready" || isMoving(view.state) || view.done > 0;
}

/** Whether a query has to be asked again, whose last answer came `sinceMs` ago. */
export function isDue(before: SearchView | null, now: SearchView, sinceMs: number): boolean {
  const isOther = before?.done !== now.done || before.source !== now.source || before.total !== now.total;
  const isEnd = now.state === "ready" && before?.state !== "ready";
  return isEnd || (isOther && (!isMoving(now.state) || sinceMs >= AGAIN_EVERY));
}

/** How long the bar of each hit is, 0 to 1: the best one's is full, the others' show how far they are behind. */
export function shares(scores: readonly number[]): number[] {
  const best = Math.max(...scores);
  const span = best - Math.min(...scores);
  return scores.map((score) => (span > 0 ? 0.1 + (0.9 * (score - best + span)) / span : 1));
}
