import type { Backend } from "./backend";
import type { CommandError, View } from "./bindings";
import { messagesOf, type Messages } from "./messages";

interface App {
  backend: Backend;
  view: View;
  /** When the view came, by `performance.now()`: clocks run on from there. */
  viewAt: number;
  error: Failed | null;
}

/** A command that failed. */
interface Failed {
  sentence: string;
  /** Whether the user asked for it; what they show, pages read by themselves. */
  isAsked: boolean;
}

let app = $state.raw<App | null>(null);

function current(): App {
  if (!app) {
    throw new Error("a page is shown before it is connected");
  }
  return app;
}

/** Subscribes first and then asks for the snapshot, so that no change is lost between the two. */
export async function connect(backend: Backend): Promise<void> {
  let latest: View | null = null;
  await backend.onView((view) => {
    latest = view;
    if (app) {
      app = { ...app, view, viewAt: performance.now() };
    }
  });
  const snapshot = await backend.getView();
  app = { backend, view: latest ?? snapshot, viewAt: performance.now(), error: null };
  document.documentElement.lang = app.view.lang;
}

/** Returns the last view of the app. */
export function view(): View {
  return current().view;
}

/** Returns when the view came, by `performance.now()`. */
export function viewAt(): number {
  return current().viewAt;
}

/** Returns the words of the language in use. */
export function words(): Messages {
  return messagesOf(current().view.lang);
}

/** Returns the sentence of the last command that failed. */
export function error(): string | null {
  return current().error?.sentence ?? null;
}

export function dismissError(): void {
  app = { ...current(), error: null };
}

/** Runs what the user asks for. Returns `undefined` if it fails, and shows the failure on the page. */
export async function run<T>(command: (backend: Backend) => Promise<T>): Promise<T | undefined> {
  return perform(command, true);
}

/**
 * Reads what a page shows. Pages do so by themselves whenever something changes, so this never hides the failure of what
 * the user asked for. A failure that the view explains, because no daemon is ready, is not shown.
 */
export async function read<T>(command: (backend: Backend) => Promise<T>): Promise<T | undefined> {
  return perform(command, false);
}

async function perform<T>(command: (backend: Backend) => Promise<T>, isAsked: boolean): Promise<T | undefined> {
  const show = (now: Failed | null): void => {
    const { error: before } = current();
    const error = before?.isAsked && !isAsked ? before : now;
    if (error !== before) {
      app = { ...current(), error };
    }
  };
  try {
    const result = await command(current().backend);
    show(null);
    return result;
  } catch (failure) {
    show(!isAsked && isNotReady(failure) ? null : { sentence: sentence(failure), isAsked });
    return undefined;
  }
}

function isNotReady(failure: unknown): boolean {
  return (failure as CommandError | null)?.kind === "not_ready";
}

function sentence(failure: unknown): string {
  if (typeof failure === "object" && failure !== null && "message" in failure) {
    return String((failure as CommandError).message);
  }
  return String(failure);
}
