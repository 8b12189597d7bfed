import { describe, expect, it } from "vitest";

import type { LoadedModel, ModelEntry, View } from "./bindings";
import { STATUS } from "./fake_scenarios";
import { changedModel, followPulls, isCurrent, isFound, offeredModels, orderOf, possible, shownLanguages, shownModels, standing, standings } from "./models";

function row(name: string, change: Partial<ModelEntry> = {}): ModelEntry {
  return {
    name,
    origin: "hub",
    presence: "absent",
    state: "unloaded",
    current: false,
    ...change,
  };
}

function view(change: Partial<View> = {}): View {
  return {
    lang: "en",
    daemon: { state: "ready", status: { ...STATUS, model: "e5" } },
    launch: null,
    port: 8765,
    address: "",
    model: "e5",
    missing: [],
    pulls: [],
    switch: null,
    library: 0,
    has_offers: false,
    hints: [],
    ...change,
  };
}

function withLoaded(models: LoadedModel[]): View {
  return view({ daemon: { state: "ready", status: { ...STATUS, model: "e5", models } } });
}

const e5 = row("e5", { origin: "embedded", presence: "here", languages: ["mul"] });
const ruri = row("ruri-v3-30m", { presence: "here", languages: ["ja"], last_used_ms: 5, repository: "onnx-community/ruri-v3-30m-ONNX" });
const mine = row("mine", { folder: "/m/mine", origin: "folder", presence: "here", last_used_ms: 9 });
const minilm = row("all-MiniLM-L6-v2", { languages: ["en"], licence: "Apache-2.0" });

describe("how a model stands", () => {
  it("is what the daemon says of it, else what the disk has", () => {
    expect([e5, ruri, minilm].map((model) => standing(model, view()))).toEqual(["current", "here", "absent"]);
    const three = withLoaded([
      { name: "e5", state: "ready", current: false },
      { name: "mine", state: "ready", current: true },
      { name: "ruri-v3-30m", state: "resting", current: false },
    ]);
    expect([e5, mine, ruri].map((model) => standing(model, three))).toEqual(["loaded", "current", "idle"]);
    expect([e5, mine].map((model) => isCurrent(model, three))).toEqual([false, true]);
  });

  it("is idle where the daemon has unloaded its current model", () => {
    expect(standing(e5, withLoaded([{ name: "e5", state: "resting", current: true }]))).toBe("idle");
  });

  it("is what the disk has once there is no daemon", () => {
    const stopped = view({ daemon: { state: "stopped" } });
    expect([e5, ruri].map((model) => standing(model, stopped))).toEqual(["here", "here"]);
  });

  it("is loading in a launch and in a change over", () => {
    const launching = view({ daemon: { state: "loading", fraction: 0.2 }, model: "/m/mine" });
    expect(standing(mine, launching)).toBe("loading");
    const changing = view({ switch: { model: "ruri-v3-30m", progress: { state: "loading", fraction: 0.2, download: null } } });
    expect(standing(ruri, changing)).toBe("loading");
  });

  it("is downloading only while the download goes on", () => {
    const running = view({ pulls: [{ model: "all-MiniLM-L6-v2", progress: { state: "running", done: 1, total: 2 } }] });
    expect(standing(minilm, running)).toBe("downloading");
    const failed = view({ pulls: [{ model: "all-MiniLM-L6-v2", progress: { state: "failed", message: "…" } }] });
    expect(standing(minilm, failed)).toBe("absent");
  });
});

describe("what can be done", () => {
  it("follows from how the model stands", () => {
    expect(possible(e5, view())).toEqual({ use: false, pull: false, cancel: false, unload: false, remove: false });
    expect(possible(ruri, view())).toEqual({ use: true, pull: false, cancel: false, unload: false, remove: true });
    expect(possible(minilm, view())).toEqual({ use: false, pull: true, cancel: false, unload: false, remove: false });
    const partial = { ...minilm, presence: "partial" as const };
    expect(possible(partial, view())).toEqual({ use: false, pull: true, cancel: false, unload: false, remove: true });
  });

  it("leaves alone what is used, chosen or on its way", () => {
    expect(possible(ruri, view({ model: "ruri-v3-30m" })).remove).toBe(false);
    const changing = view({ switch: { model: "ruri-v3-30m", progress: { state: "loading", fraction: 0, download: null } } });
    expect(possible(ruri, changing)).toEqual({ use: false, pull: false, cancel: false, unload: false, remove: false });
    expect(possible(mine, changing).use).toBe(false);
    const pulling = view({ pulls: [{ model: "all-MiniLM-L6-v2", progress: { state: "running", done: 1, total: null } }] });
    expect(possible(minilm, pulling)).toEqual({ use: false, pull: false, cancel: true, unload: false, remove: false });
  });

  it("offers the chosen model where no daemon runs", () => {
    expect(possible(e5, view({ daemon: { state: "stopped" } })).use).toBe(true);
  });
});

describe("finding models", () => {
  it("takes each word, in any width and case, from names, languages and licences", () => {
    expect(isFound(ruri, "ＲＵＲＩ japanese", "en", "many")).toBe(true);
    expect(isFound(ruri, "日本語 onnx", "ja", "多言語")).toBe(true);
    expect(isFound(ruri, "ruri english", "en", "many")).toBe(false);
    expect(isFound(minilm, " apache ", "en", "many")).toBe(true);
    expect(isFound(e5, "", "en", "many")).toBe(true);
  });

  it("puts the current one first, then what is here by its last use, then the rest", () => {
    const rows = [minilm, ruri, mine, e5];
    const order = orderOf(rows, view(), []);
    const names = (filter: "all" | "here" | "japanese", query = ""): string[] =>
      shownModels(rows, order, view(), filter, query, "many").map((model) => model.name);
    expect(names("all")).toEqual(["e5", "mine", "ruri-v3-30m", "all-MiniLM-L6-v2"]);
    expect(names("here")).toEqual(["e5", "mine", "ruri-v3-30m"]);
    expect(names("japanese")).toEqual(["e5", "ruri-v3-30m"]);
    expect(names("all", "mini")).toEqual(["all-MiniLM-L6-v2"]);
  });

  it("leaves each where it is while the page is open, and puts new ones last", () => {
    const first = orderOf([minilm, ruri, e5], view(), []);
    const cancelled = { ...minilm, presence: "partial" as const };
    const current = view({ daemon: { state: "ready", status: { ...STATUS, model: "ruri-v3-30m" } } });
    const later = orderOf([mine, cancelled, ruri, e5], current, first);
    expect(later).toEqual(["e5", "ruri-v3-30m", "all-MiniLM-L6-v2", "/m/mine"]);
    // One that is gone comes back to its place.
    const without = shownModels([mine, cancelled, e5], later, current, "all", "", "many");
    expect(without.map((model) => model.name)).toEqual(["e5", "all-MiniLM-L6-v2", "mine"]);
    expect(orderOf([ruri], current, later)).toEqual(later);
  });
});

describe("what a row shows", () => {
  it("names a few languages and does not name three of a hundred", () => {
    const many = row("e5", { languages: ["mul", "ja", "en"] });
    expect(shownLanguages(many, "en", "about 100 languages")).toEqual(["about 100 languages"]);
    expect(isFound(many, "japanese", "en", "about 100 languages")).toBe(true);
    expect(shownLanguages(row("m", { languages: ["ja", "en"] }), "ja", "多言語")).toEqual(["日本語", "英語"]);
  });

  it("offers in the order of the offer, and only what is listed", () => {
    const models = { models: [e5, ruri, minilm], cache: "", free_bytes: null, fixed: null, offers: ["all-MiniLM-L6-v2", "gone", "ruri-v3-30m"] };
    expect(offeredModels(models).map((model) => model.name)).toEqual(["all-MiniLM-L6-v2", "ruri-v3-30m"]);
  });
});

describe("what changes", () => {
  it("is announced once, and a new model is not", () => {
    const before = standings([ruri], view());
    const after = standings(
      [ruri, minilm],
      view({ switch: { model: "ruri-v3-30m", progress: { state: "loading", fraction: 0, download: null } } }),
    );
    expect(changedModel(before, after)).toBe("ruri-v3-30m");
    expect(changedModel(after, after)).toBeNull();
    expect(changedModel(new Map(), after)).toBeNull();
  });

  it("has samples of downloads that go on, and of no others", () => {
    const pull = (model: string, done: number): View["pulls"][number] => ({ model, progress: { state: "running", done, total: null } });
    let samples = followPulls(new Map(), [pull("a", 1), pull("b", 5)], 0);
    samples = followPulls(samples, [pull("a", 3)], 100);
    expect([...samples]).toEqual([
      [
        "a",
        [
          { at: 0, done: 1 },
          { at: 100, done: 3 },
        ],
      ],
    ]);
    const failed: View["pulls"] = [{ model: "a", progress: { state: "failed", message: "…" } }];
    expect(followPulls(samples, failed, 200).size).toBe(0);
  });
});
