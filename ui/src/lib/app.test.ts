import { beforeEach, describe, expect, it } from "vitest";

import { connect, error, read, run } from "./app.svelte";
import type { Backend } from "./backend";
import type { View } from "./bindings";

const fails = (): Promise<never> => Promise.reject({ kind: "failed", message: "no" });
const isNotReady = (): Promise<never> => Promise.reject({ kind: "not_ready", message: "not ready" });
const works = (): Promise<string> => Promise.resolve("yes");

beforeEach(async () => {
  const backend: Partial<Backend> = {
    onView: () => Promise.resolve(() => undefined),
    getView: () => Promise.resolve({ lang: "en" } as View),
  };
  globalThis.document ??= { documentElement: {} } as Document;
  await connect(backend as Backend);
});

describe("what is said of a command that failed", () => {
  it("stays while the page reads, and goes with what the user asks for next", async () => {
    expect(await run(fails)).toBeUndefined();
    expect(error()).toBe("no");
    expect(await read(works)).toBe("yes");
    expect(error()).toBe("no");
    expect(await run(works)).toBe("yes");
    expect(error()).toBeNull();
  });

  it("is nothing where a page reads while no daemon is ready, but an answer where the user asks", async () => {
    expect(await read(isNotReady)).toBeUndefined();
    expect(error()).toBeNull();
    expect(await run(isNotReady)).toBeUndefined();
    expect(error()).toBe("not ready");
  });

  it("goes with the next reading where a reading failed", async () => {
    await read(fails);
    expect(error()).toBe("no");
    await read(works);
    expect(error()).toBeNull();
  });
});
