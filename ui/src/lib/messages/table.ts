import type { DaemonView, DeviceChoice, Field, LangChoice, LaunchState, Link, ModelOrigin, NotificationChoice, PageName, ProgressChoice, Refusal, SearchState, Stage, Variant } from "../bindings";
import type { LogChoice, ModelFilter, RowState, Standing } from "../types";

/** Every word of the pages. A key that a language lacks does not compile. */
export interface Messages {
  /** What the pages are called: in the navigation, and in the window's title. */
  pages: Record<PageName, string>;
  /** What the window of a start is called. */
  starting: string;
  /** For who hears the window: the list of pages. */
  navigation: string;
  welcome: {
    heading: string;
    /** What Okibi is, in one sentence. */
    what: string;
    loginWhy: string;
    connect: string;
    connectWhy: string;
    skip: string;
    done: string;
  };
  daemon: Record<DaemonView["state"], string>;
  launch: Record<LaunchState, string>;
  stages: Record<Stage, string>;
  stageStates: Record<RowState, string>;
  /** For screen readers: a stage's new state. */
  announce: (stage: string, state: string) => string;
  lastTime: (time: string) => string;
  total: string;
  /** In the last minute. */
  justNow: string;
  speed: (speed: string) => string;
  timeLeft: (time: string) => string;
  of: (done: string, total: string) => string;
  closesIn: (seconds: number) => string;
  staysOpen: string;
  /** What a start would do. */
  notRunning: (model: string) => string;
  /** What a daemon does while it stops. */
  stoppingMeans: string;
  /** Heads a start whose daemon is gone. */
  lastStart: string;
  /** Why the stages take longer than the whole. */
  sideBySide: string;
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
    /** Leads to the page of the log, where a report is made. */
    reportProblem: string;
    settings: string;
    models: string;
  };
  logTail: string;
  /** Below the reason why the daemon is not running. */
  startsAgain: (seconds: string) => string;
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
  search: {
    heading: string;
    intro: string;
    lines: string;
    placeholder: string;
    searchIn: string;
    chooseFiles: string;
    /** Which files are read. */
    kinds: string;
    logs: string;
    states: Record<SearchState, string>;
    /** Where the texts come from if no file is named. */
    pasted: string;
    texts: (count: string) => string;
    /** How many texts can be searched so far. */
    done: (done: string, total: string) => string;
    clear: string;
    query: string;
    queryHint: string;
    /** Before queries that fit an example. */
    queries: string;
    found: (count: string, time: string) => string;
    nothing: string;
    similarity: string;
  };
  tryIt: {
    heading: string;
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
    test: string;
    testMeans: string;
    noRequest: string;
    /** When the last request came, from whom, and how it was answered. */
    lastRequest: (time: string, client: string, answer: string) => string;
    texts: (count: number) => string;
    /** Why a request was refused. */
    refused: Record<Refusal, string>;
    refusedOrigin: (origin: string) => string;
    allow: string;
    allowed: (origin: string) => string;
  };
  about: {
    versions: string;
    links: Record<Link, string>;
    licenses: string;
    ownLicense: string;
    unknownLicense: string;
    updates: string;
    /** What is asked, and that nothing else happens. */
    updateMeans: string;
    check: string;
    checking: string;
    newest: (version: string) => string;
    newer: (version: string) => string;
    /** Before the address that was asked. */
    asked: string;
  };
  activity: {
    clients: string;
    /** What a click on a client does. */
    clientsHint: string;
    noClients: string;
    process: (id: string) => string;
    connections: (count: string) => string;
    requestCount: (count: string) => string;
    textCount: (count: string) => string;
    tokenCount: (count: string) => string;
    errorCount: (count: string) => string;
    lastSeen: (when: string) => string;
    onlyOf: (client: string) => string;
    all: string;
    queue: string;
    waiting: (requests: string, texts: string) => string;
    noneWaiting: string;
    jobs: string;
    noJobs: string;
    job: (client: string, share: string, done: string) => string;
    requests: string;
    noRequests: string;
    noneOf: (client: string) => string;
    /** The list stands still under the hand: so many have come since. */
    newer: (count: string) => string;
    columns: Record<"time" | "client" | "model" | "texts" | "tokens" | "cut" | "took" | "status", string>;
    cutMeans: string;
    failed: string;
    refusals: Record<Refusal, string>;
    refused: string;
    /** What it means that an origin is refused. */
    refusedMeans: string;
    allow: string;
    allowed: string;
  };
  logs: {
    lines: string;
    filter: string;
    level: string;
    levels: Record<LogChoice, string>;
    follow: string;
    count: (shown: string, all: string) => string;
    empty: string;
    nothing: string;
    report: string;
    reportMeans: string;
    show: string;
    copyReport: string;
    saveReport: string;
    saved: (path: string) => string;
  };
  settings: {
    fields: Record<Field, string>;
    hints: Partial<Record<Field, string>>;
    notifications: Record<NotificationChoice, string>;
    progress: Record<ProgressChoice, string>;
    variants: Record<Variant, string>;
    devices: Record<DeviceChoice, string>;
    languages: Record<LangChoice, string>;
    groups: { daemon: string; network: string; app: string };
    token: string;
    show: string;
    hide: string;
    rotate: string;
    rotateMeans: string;
    confirmRotate: string;
    hubToken: string;
    hubTokenIsThere: string;
    hubTokenHint: string;
    forget: string;
    otherModel: string;
    unsaved: string;
    /** Asks what becomes of them before they are lost. */
    leaving: string;
    stay: string;
    discard: string;
    saved: string;
    /** Saved, but a running daemon does not know it yet. */
    savedForRestart: string;
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
    lookUp: (name: string) => string;
    lookingUp: string;
    /** What the hub says of a model: its family, its memory. */
    foundOnHub: (family: string, memory: string) => string;
    unknownFamily: string;
    isOwn: string;
    isOnnx: string;
    isHere: (name: string) => string;
    unload: string;
    standings: Record<Standing, string>;
    /** Instead of "here", where it was downloaded. */
    downloaded: string;
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
    /** What the vectors of another model are: longer or shorter, as long, or of an unknown length. */
    otherLength: (before: string, after: string) => string;
    sameLength: (count: string) => string;
    otherSpace: string;
    /** Which apps have used the current model. */
    usedBy: (model: string, apps: string) => string;
    rebuild: string;
    /** Of all indexes that were made with a model. */
    rebuildAll: (model: string) => string;
    /** An app, and when it used a model. */
    user: (app: string, when: string) => string;
    otherUsers: (count: string) => string;
    stillUsed: (apps: string) => string;
    confirmUse: string;
    keepCurrent: (model: string) => string;
    addFolder: string;
    /** Before the folder that downloads go to. */
    place: string;
    free: (size: string) => string;
    offers: string;
    offersWhy: string;
  };
}
