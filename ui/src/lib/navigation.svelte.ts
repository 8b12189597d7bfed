import { run } from "./app.svelte";
import type { Backend } from "./backend";
import type { PageName } from "./bindings";

/** The pages of the navigation, in its order. The welcome is shown once and is not among them. */
export const PAGES: readonly Exclude<PageName, "welcome">[] = [
  "status",
  "progress",
  "models",
  "try",
  "connect",
  "activity",
  "logs",
  "settings",
  "about",
];

/** Where somebody wants to go who would lose what is typed: to another page, or out of the window. */
export type Leaving = PageName | "closing";

let current = $state<PageName>("status");
let isUnsaved = $state(false);
let leaving = $state<Leaving | null>(null);

/** Follows what is asked for from outside of the window. Subscribes first, so that no page is missed. */
export async function follow(app: Backend): Promise<void> {
  let latest: PageName | null = null;
  await app.onPage((name) => {
    latest = name;
    goTo(name);
  });
  await app.onCloseAsked(() => (leaving = "closing"));
  const first = await app.getPage();
  current = latest ?? first;
}

/** The page that is shown. */
export function page(): PageName {
  return current;
}

/** Shows a page; where something is typed and not saved, asks first. */
export function goTo(name: PageName): void {
  if (isUnsaved && name !== current) {
    leaving = name;
  } else {
    leaving = null;
    current = name;
  }
}

/** Where somebody wants to go who has to be asked first. */
export function asked(): Leaving | null {
  return leaving;
}

/** Goes where one was asked about, whatever is lost. */
export async function leave(): Promise<void> {
  const to = leaving;
  await setUnsaved(false);
  if (to === "closing") {
    await run((app) => app.closeWindow());
  } else if (to !== null) {
    goTo(to);
  }
}

/** Stays on the page. */
export function stay(): void {
  leaving = null;
}

/** Tells whether something is typed and not saved: then neither the page nor the window is left without a question. */
export async function setUnsaved(now: boolean): Promise<void> {
  if (isUnsaved !== now) {
    isUnsaved = now;
    leaving = now ? leaving : null;
    await run((app) => app.setUnsaved(now));
  }
}
