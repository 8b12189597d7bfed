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
  /** Whether the user asked for it; pages read what they show unasked. */
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
  let told: View | null = null;
  await backend.onView((view) => {
    told = view;
    if (app) {
      app = { ...app, view, viewAt: performance.now() };
    }
  });
  const snapshot = await backend.getView();
  app = { backend, view: told ?? snapshot, viewAt: performance.now(), error: null };
  document.documentElement.lang = app.view.lang;
}

/** What the app shows. */
export function view(): View {
  return current().view;
}

/** When the view came, by `performance.now()`. */
export function viewAt(): number {
  return current().viewAt;
}

/** The words of the language in use. */
export function words(): Messages {
  return messagesOf(current().view.lang);
}

/** The way to the app. */
export function backend(): Backend {
  return current().backend;
}

/** The sentence of the last command that failed. */
export function error(): string | null {
  return current().error?.sentence ?? null;
}

export function dismissError(): void {
  app = { ...current(), error: null };
}

/** Runs what the user asks for; a failure is shown on the page. Gives `undefined` then. */
export async function run<T>(command: (backend: Backend) => Promise<T>): Promise<T | undefined> {
  return perform(command, true);
}

/**
 * Reads what a page shows. Pages do so whenever something changes or they are looked at again, so this never takes away
 * what is said of the user's own wishes.
 */
export async function read<T>(command: (backend: Backend) => Promise<T>): Promise<T | undefined> {
  return perform(command, false);
}

async function perform<T>(command: (backend: Backend) => Promise<T>, isAsked: boolean): Promise<T | undefined> {
  const tell = (now: Failed | null): void => {
    const { error: before } = current();
    app = { ...current(), error: before?.isAsked && !isAsked ? before : now };
  };
  try {
    const result = await command(current().backend);
    tell(null);
    return result;
  } catch (failure) {
    tell({ sentence: sentence(failure), isAsked });
    return undefined;
  }
}

function sentence(failure: unknown): string {
  if (typeof failure === "object" && failure !== null && "message" in failure) {
    return String((failure as CommandError).message);
  }
  return String(failure);
}
