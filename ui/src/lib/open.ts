import { mount, type Component } from "svelte";

import "../styles/app.css";
import { connect } from "./app.svelte";
import { follow } from "./navigation.svelte";
import { tauriBackend, type Backend } from "./backend";

async function backend(): Promise<Backend> {
  if (__FAKE__) {
    const { fakeBackend } = await import("./fake");
    return fakeBackend(new URLSearchParams(location.search));
  }
  return tauriBackend;
}

/** Connects to the app and shows the page. */
export async function open(page: Component): Promise<void> {
  const app = await backend();
  await connect(app);
  await follow(app);
  const target = document.getElementById("app");
  if (target) {
    mount(page, { target });
  }
}
