import type { DaemonView, DeviceChoice, Field, LangChoice, LaunchState, ModelOrigin, NotificationChoice, ProgressChoice, Stage, Variant, WindowName } from "../bindings";
import type { ModelFilter, RowState, Standing } from "../types";

/** Every word of the pages. A key that a language lacks does not compile. */
export interface Messages {
  titles: Record<WindowName, string>;
  daemon: Record<DaemonView["state"], string>;
  launch: Record<LaunchState, string>;
  stages: Record<Stage, string>;
  stageStates: Record<RowState, string>;
  /** For screen readers: a stage's new state. */
  announce: (stage: string, state: string) => string;
  lastTime: (time: string) => string;
  total: string;
  speed: (speed: string) => string;
  timeLeft: (time: string) => string;
  of: (done: string, total: string) => string;
  closesIn: (seconds: number) => string;
  staysOpen: string;
  /** What a start would do. */
  notRunning: (model: string) => string;
  actions: {
    start: string;
    stop: string;
    restart: string;
    cancel: string;
    retry: string;
    openLog: string;
    copy: string;
    copied: string;
    tryIt: string;
    keepOpen: string;
    usePort: (port: number) => string;
    open: string;
    save: string;
    revert: string;
    restartNow: string;
    chooseFolder: string;
    embed: string;
    dismiss: string;
    settings: string;
    models: string;
  };
  logTail: string;
  address: string;
  status: {
    model: string;
    dimension: string;
    maxTokens: string;
    uptime: string;
    memory: string;
    requests: string;
    inFlight: (count: string) => string;
    texts: string;
    load: string;
    threads: string;
    process: string;
    version: string;
    appVersion: string;
    latency: string;
    throughput: string;
    latencyValue: (p50: string, p99: string) => string;
    throughputValue: (rate: string) => string;
    chart: (name: string, now: string, max: string) => string;
    noRequests: string;
    places: string;
    log: string;
    config: string;
    models: string;
    details: string;
    warnings: string;
    missing: string;
    fastest: (value: string) => string;
    none: string;
    idle: string;
    /** What an idle model means. */
    idleLong: string;
    /** Models that are better than the embedded one are known. */
    hasOffers: string;
  };
  tryIt: {
    intro: string;
    sentences: string;
    hint: string;
    examples: string;
    notes: string;
    tweets: string;
    mixed: string;
    similarity: string;
    /** Tokens of one sentence. */
    tokens: (count: string) => string;
    took: (texts: number, time: string, tokens: number) => string;
    nearest: (one: string, other: string, value: string) => string;
    request: string;
    notReady: string;
    tooFew: string;
    tooMany: (limit: number) => string;
  };
  connect: {
    heading: string;
    intro: string;
    addresses: string;
    openai: string;
    plain: string;
    websocket: string;
    anyKey: string;
    names: string;
    plainName: string;
    queryName: string;
    documentName: string;
    space: string;
    spaceMeans: string;
    recipes: string;
  };
  settings: {
    fields: Record<Field, string>;
    hints: Partial<Record<Field, string>>;
    notifications: Record<NotificationChoice, string>;
    progress: Record<ProgressChoice, string>;
    variants: Record<Variant, string>;
    devices: Record<DeviceChoice, string>;
    languages: Record<LangChoice, string>;
    groups: { daemon: string; app: string };
    otherModel: string;
    unsaved: string;
    saved: string;
    needsRestart: string;
    fixed: (variable: string) => string;
    problems: string;
    file: string;
    /** Heads the models to choose from, by where they come from. */
    origins: Record<ModelOrigin, string>;
    otherName: string;
    auto: string;
  };
  models: {
    heading: string;
    show: string;
    filters: Record<ModelFilter, string>;
    search: string;
    /** How many models are shown. */
    count: (count: string) => string;
    nothing: string;
    standings: Record<Standing, string>;
    /** Beside a model that the next start loads. */
    chosen: string;
    embedded: string;
    folder: string;
    /** The language `mul`. */
    manyLanguages: string;
    dimension: (count: string) => string;
    maxTokens: (count: string) => string;
    int8: (cosine: string) => string;
    f32: (cosine: string) => string;
    /** The size of a model that is not downloaded yet. */
    about: (size: string) => string;
    lastUsed: (when: string) => string;
    use: string;
    pull: string;
    resume: string;
    remove: string;
    forget: string;
    keep: string;
    /** What a screen reader says of a button: what it does, and with which model. */
    act: (action: string, model: string) => string;
    confirm: (model: string, size: string) => string;
    confirmSmall: (model: string) => string;
    confirmForget: (model: string) => string;
    confirmRemove: string;
    confirmForgotten: string;
    freed: (model: string, size: string) => string;
    forgotten: (model: string) => string;
    preparing: string;
    switching: string;
    /** Unloads the current model to make room. */
    replace: string;
    /** What that means. */
    replaceMeans: string;
    addFolder: string;
    /** Before the folder that downloads go to. */
    place: string;
    free: (size: string) => string;
    offers: string;
    offersWhy: string;
  };
}
