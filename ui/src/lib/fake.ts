import type { Backend } from "./backend";
import type { CommandError, Language, PageName, SettingsForm, SettingsView, StageEvent, View } from "./bindings";
import { FakeActivity } from "./fake_activity";
import { clientsScene } from "./fake_clients";
import { hintsOf, hintsScene, updateScene } from "./fake_hints";
import { FakeLog } from "./fake_log";
import { FakeModels, modelsScene } from "./fake_models";
import { FakeSearch } from "./fake_search";
import { download, launch, MODEL, portProblem, scenario, STATUS, TIMES } from "./fake_scenarios";
import { vectorOf } from "./fake_vectors";

/** How much slower than the daemon a load is played, so that one can follow it. */
const SLOWNESS = 6;

/** Stands in for the app: shows a scenario, plays loads and stops, keeps the settings until the page is left. */
class FakeApp implements Backend {
  private view: View;
  private form: SettingsForm;
  private readonly listeners = new Set<(view: View) => void>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private looks = 0;
  private readonly models: FakeModels;
  private readonly texts: FakeSearch;
  private readonly activity: FakeActivity;
  private readonly log: FakeLog;

  constructor(private readonly query: URLSearchParams) {
    const lang: Language = query.get("lang") === "ja" ? "ja" : "en";
    const name = query.get("scenario") ?? "ready";
    this.view = {
      lang,
      ...scenario(name, lang),
      port: 8765,
      address: "ws://127.0.0.1:8765",
      model: MODEL,
      missing: query.has("missing") ? [MISSING[lang]] : [],
      pulls: [],
      switch: null,
      library: 0,
      has_offers: false,
      hints: hintsScene(query.get("hints"), lang),
      ...modelsScene(query.get("models"), lang),
    };
    const { daemon } = this.view;
    if (query.has("warned") && daemon.state === "ready") {
      this.view.daemon = { state: "ready", status: { ...daemon.status, warnings: [WARNING[lang]] } };
    }
    this.form = {
      model: MODEL,
      port: "8765",
      threads: "",
      variant: "auto",
      device: "cpu",
      keep_alive: "",
      models_dir: "",
      hub_url: "",
      proxy: "",
      allowed_hosts: "",
      allowed_origins: "app://obsidian.md",
      require_token: true,
      lang: "auto",
      notifications: "all",
      progress_window: "slow",
      update_url: "",
      update_key: "",
      start_at_login: false,
      start_daemon: true,
      restart_daemon: true,
    };
    this.models = new FakeModels(
      { view: () => this.view, show: (change) => this.show(change), play: (step) => this.play(step) },
      query,
      lang,
    );
    this.texts = new FakeSearch(query.get("search"), lang, MODEL);
    this.activity = new FakeActivity(query.get("activity"), lang, MODEL);
    this.log = new FakeLog(query.get("log"));
    if (name === "download") {
      this.playDownload();
    } else if (name === "launched") {
      void this.startDaemon();
    }
  }

  onView(listener: (view: View) => void): Promise<() => void> {
    this.listeners.add(listener);
    return Promise.resolve(() => this.listeners.delete(listener));
  }

  getView(): Promise<View> {
    return Promise.resolve(this.view);
  }

  getStatus(): Promise<typeof STATUS> {
    if (this.view.daemon.state !== "ready") {
      return Promise.reject<never>({ kind: "not_ready", message: "The daemon is not ready." } satisfies CommandError);
    }
    const before = this.view.daemon.status;
    this.looks += 1;
    const busy = before.latency === undefined ? 0 : Math.round(40 + 30 * Math.sin(this.looks / 2));
    const status = {
      ...before,
      uptime_ms: before.uptime_ms + 1000,
      requests_served: before.requests_served + Math.ceil(busy / 8),
      texts_embedded: before.texts_embedded + busy,
      latency: before.latency && { p50_ms: 10 + Math.sin(this.looks), p99_ms: 23 + 6 * Math.sin(this.looks / 3) },
    };
    this.view = { ...this.view, daemon: { state: "ready", status } };
    return Promise.resolve(status);
  }

  startDaemon(): Promise<void> {
    if (this.query.has("refuse")) {
      return this.refuse("/usr/lib/okibi/okibi: permission denied.");
    }
    const began = performance.now();
    this.play(() => {
      const elapsed = performance.now() - began;
      const stages: StageEvent[] = [];
      let from = 0;
      for (const [stage, usual] of TIMES) {
        const took = usual * SLOWNESS;
        if (elapsed >= from) {
          const isOver = elapsed >= from + took;
          stages.push({ stage, state: isOver ? "finished" : "started", elapsed_ms: isOver ? took : elapsed - from });
        }
        from += took;
      }
      if (elapsed < from) {
        this.show({ daemon: { state: "loading", fraction: elapsed / from }, launch: launch("loading", stages, elapsed) });
        return true;
      }
      this.show({
        daemon: { state: "ready", status: { ...STATUS, uptime_ms: from, load_ms: from } },
        launch: launch("ready", stages, from),
      });
      return false;
    });
    return Promise.resolve();
  }

  stopDaemon(): Promise<void> {
    const began = performance.now();
    this.play(() => {
      const isOver = performance.now() - began > 700;
      this.show({ daemon: { state: isOver ? "stopped" : "stopping" }, launch: null });
      return !isOver;
    });
    return Promise.resolve();
  }

  restartDaemon(): Promise<void> {
    this.show({ hints: this.view.hints.filter(({ kind }) => kind !== "restart") });
    return this.startDaemon();
  }

  cancelLoad(): Promise<void> {
    this.play(() => false);
    const { launch } = this.view;
    this.show({ daemon: { state: "stopped" }, launch: launch && { ...launch, state: "cancelled" } });
    return Promise.resolve();
  }

  startOnPort(port: number): Promise<void> {
    this.form = { ...this.form, port: String(port) };
    this.show({ port, address: `ws://127.0.0.1:${port}` });
    return this.startDaemon();
  }

  onPage(): Promise<() => void> {
    return Promise.resolve(() => undefined);
  }

  onCloseAsked(): Promise<() => void> {
    return Promise.resolve(() => undefined);
  }

  getPage(): Promise<PageName> {
    return Promise.resolve((this.query.get("page") ?? "status") as PageName);
  }

  openPage(): Promise<void> {
    return this.obey();
  }

  closeWindow(): Promise<void> {
    return this.obey();
  }

  setUnsaved(): Promise<void> {
    return Promise.resolve();
  }

  openPlace(): Promise<void> {
    return this.obey();
  }

  copyText(): Promise<void> {
    return this.obey();
  }

  getAbout(): ReturnType<Backend["getAbout"]> {
    return Promise.resolve({
      version: "0.1.0",
      log: "/home/me/.local/share/okibi/logs/daemon-8765.log",
      config: CONFIG,
      models: "/home/me/.cache/okibi",
    });
  }

  openLink(): Promise<void> {
    return this.obey();
  }

  checkUpdate(): ReturnType<Backend["checkUpdate"]> {
    return this.obey().then(() => updateScene(this.query.has("newer"), this.view.lang));
  }

  getActivity(): ReturnType<Backend["getActivity"]> {
    const scene = this.query.get("clients");
    return Promise.resolve(scene === null ? this.activity.get() : clientsScene(scene, Date.now()));
  }

  allowOrigin(): Promise<void> {
    return this.obey().then(() => this.hintRestart());
  }

  getSearch(): ReturnType<Backend["getSearch"]> {
    return Promise.resolve(this.texts.get());
  }

  searchIn(text: string): Promise<void> {
    return this.obey().then(() => this.texts.paste(text));
  }

  searchInFiles(folder: boolean): Promise<boolean> {
    return this.obey().then(() => {
      this.texts.take(folder);
      return true;
    });
  }

  clearSearch(): Promise<void> {
    return this.obey().then(() => this.texts.clear());
  }

  search(query: string): ReturnType<Backend["search"]> {
    return this.obey().then(() => this.texts.search(query));
  }

  getLog(): ReturnType<Backend["getLog"]> {
    return Promise.resolve(this.log.get());
  }

  getReport(): Promise<string> {
    return this.obey().then(() => this.log.report(MODEL));
  }

  saveReport(): Promise<string | null> {
    return this.obey().then(() => "/home/me/okibi-report.txt");
  }

  dismissCrash(): Promise<void> {
    return this.obey().then(() => this.show({ hints: this.view.hints.filter(({ kind }) => kind !== "crash") }));
  }

  getTokens(): ReturnType<Backend["getTokens"]> {
    return Promise.resolve({ has_hub_token: false, for_use: "4f1d…" });
  }

  rotateTokens(): ReturnType<Backend["rotateTokens"]> {
    return this.obey().then(() => ({ has_hub_token: false, for_use: "c07e…" }));
  }

  keepHubToken(token: string): ReturnType<Backend["keepHubToken"]> {
    return this.getTokens().then((tokens) => ({ ...tokens, has_hub_token: token !== "" }));
  }

  lookUpModel(name: string): ReturnType<Backend["lookUpModel"]> {
    return this.obey().then(() => this.models.lookUp(name));
  }

  unloadModel(): Promise<void> {
    return this.obey();
  }

  endWelcome(): Promise<void> {
    return this.obey();
  }

  embed(texts: string[]): ReturnType<Backend["embed"]> {
    return Promise.resolve({
      model: MODEL,
      vectors: texts.map(vectorOf),
      tokens: texts.map((text) => Math.ceil(text.length / 2) + 4),
      took_ms: 6.4 + 2.1 * texts.length,
    });
  }

  getSettings(): Promise<SettingsView> {
    const isFixed = this.query.has("fixed");
    return Promise.resolve({
      form: this.form,
      models: [
        { value: MODEL, label: MODEL, origin: "embedded" },
        { value: "/home/me/models/ruri", label: "ruri", origin: "folder" },
        { value: "BAAI/bge-m3", label: "BAAI/bge-m3", origin: "hub" },
      ],
      fixed: isFixed
        ? [
            { field: "port", variable: "OKIBI_PORT" },
            { field: "lang", variable: "OKIBI_LANG" },
          ]
        : [],
      config: CONFIG,
      problems: isFixed ? [`${CONFIG}:2:11: threads: "many" is not a whole number from 1 to 1024`] : [],
    });
  }

  saveSettings(form: SettingsForm): ReturnType<Backend["saveSettings"]> {
    const problems = (["port", "threads"] as const)
      .filter((field) => form[field] !== "" && !(Number(form[field]) > 0))
      .map((field) => ({ field, message: portProblem(this.view.lang) }));
    if (problems.length > 0) {
      return Promise.resolve({ problems, needs_restart: [] });
    }
    const needs_restart = (["model", "port", "threads", "variant", "device", "keep_alive"] as const).filter((field) => form[field] !== this.form[field]);
    this.form = form;
    if (needs_restart.length > 0 && this.view.daemon.state === "ready") {
      this.hintRestart();
    }
    this.show({ lang: form.lang === "auto" ? this.view.lang : form.lang, model: form.model });
    return Promise.resolve({ problems: [], needs_restart });
  }

  chooseModelFolder(): Promise<string | null> {
    return Promise.resolve("/home/me/models/static-embedding-japanese");
  }

  getModels(): ReturnType<Backend["getModels"]> {
    return Promise.resolve(this.models.get());
  }

  pullModel(model: string): Promise<void> {
    return this.obey().then(() => this.models.pull(model));
  }

  cancelPull(model: string): Promise<void> {
    return this.obey().then(() => this.models.cancel(model));
  }

  removeModel(model: string): Promise<number> {
    return Promise.resolve().then(() => this.models.remove(model));
  }

  useModel(model: string): Promise<void> {
    return this.obey().then(() => this.models.use(model));
  }

  dismissSwitch(): Promise<void> {
    return this.obey().then(() => this.show({ switch: null }));
  }

  dismissOffers(): Promise<void> {
    return this.obey().then(() => this.show({ has_offers: false }));
  }

  private hintRestart(): void {
    const others = this.view.hints.filter(({ kind }) => kind !== "restart");
    this.show({ hints: [...others, ...hintsOf(["restart"], this.view.lang)] });
  }

  private obey(): Promise<void> {
    return this.query.has("refuse") ? this.refuse("The desktop refuses.") : Promise.resolve();
  }

  private refuse(message: string): Promise<never> {
    return Promise.reject<never>({ kind: "failed", message } satisfies CommandError);
  }

  private show(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    for (const listener of this.listeners) {
      listener(this.view);
    }
  }

  /** Calls `step` now and every 100 ms, as long as it gives `true`. */
  private play(step: () => boolean): void {
    clearInterval(this.timer);
    if (step()) {
      this.timer = setInterval(() => {
        if (!step()) {
          clearInterval(this.timer);
        }
      }, 100);
    }
  }

  private playDownload(): void {
    const began = performance.now();
    this.play(() => {
      const elapsed = performance.now() - began;
      const done = Math.min(118_000_000, 31_000_000 + elapsed * 2600);
      this.show({ launch: download(done, 118_000_000, 12_000 + elapsed) });
      return done < 118_000_000;
    });
  }
}

const CONFIG = "/home/me/.config/okibi/config.toml";

const MISSING: Record<Language, string> = {
  en: "No notification service is running, so notifications cannot be shown.",
  ja: "通知サービスが動いていないため、通知は表示されません。",
};

const WARNING: Record<Language, string> = {
  en: 'Another program has [::1]:8765. An app that connects to "localhost" may reach that program. Have apps connect to 127.0.0.1.',
  ja: "ほかのプログラムが [::1]:8765 を使っています。アプリの接続先を 127.0.0.1 にしてください。",
};

/** A backend for the scenario and language of a page's address. */
export function fakeBackend(query: URLSearchParams): Backend {
  return new FakeApp(query);
}
