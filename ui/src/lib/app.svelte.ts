import type { Backend } from "./backend";
import type { CommandError, View } from "./bindings";
import { messagesOf, type Messages } from "./messages";

interface App {
  backend: Backend;
  view: View;
  /** When the view came, by `performance.now()`: clocks run on from there. */
  viewAt: number;
  /** The sentence of the last command that failed. */
  error: string | null;
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
  return current().error;
}

export function dismissError(): void {
  app = { ...current(), error: null };
}

/** Runs a command; a failure is shown on the page. Gives `undefined` then. */
export async function run<T>(command: (backend: Backend) => Promise<T>): Promise<T | undefined> {
  try {
    const result = await command(current().backend);
    app = { ...current(), error: null };
    return result;
  } catch (failure) {
    app = { ...current(), error: sentence(failure) };
    return undefined;
  }
}

function sentence(failure: unknown): string {
  if (typeof failure === "object" && failure !== null && "message" in failure) {
    return String((failure as CommandError).message);
  }
  return String(failure);
}
