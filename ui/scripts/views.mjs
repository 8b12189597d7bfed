// Every page in every state that can be shown, for the checks and the screenshots.

/** The size of each window, as the app opens it: that of a start, and the one with all pages. */
const START = { width: 460, height: 600 };
const MAIN = { width: 900, height: 720 };

/** The size of the window that shows a page. */
export function sizeOf(page) {
  return page === "start" ? START : MAIN;
}

const until = (page, testid) => page.locator(`[data-testid="${testid}"]`).first().waitFor();
const press = (page, testid) => page.locator(`[data-testid="${testid}"]`).first().click();

/** A page, a scenario of the fake backend, and what is done there before one looks. */
export const VIEWS = [
  ...["stopped", "loading", "download", "unmeasured", "first", "ready", "launched", "stopping", "cancelled", "failed", "port", "full"].map(
    (scenario) => ({ page: "start", scenario }),
  ),
  ...["ready", "cancelled", "ended", "stopping"].map((scenario) => ({ page: "progress", scenario })),
  { page: "start", scenario: "launched", name: "closing", act: (page) => until(page, "closes-in") },
  {
    page: "progress",
    scenario: "failed",
    name: "log",
    act: (page) => page.locator("summary").click(),
  },
  {
    page: "progress",
    scenario: "stopped",
    name: "refused",
    query: "&refuse",
    act: async (page) => {
      await press(page, "start");
      await until(page, "command-error");
    },
  },
  ...["stopped", "loading", "ready", "fresh", "stopping", "failed", "died", "port"].map((scenario) => ({ page: "status", scenario })),
  { page: "status", scenario: "ready", name: "missing", query: "&missing" },
  { page: "status", scenario: "ready", name: "warned", query: "&warned" },
  { page: "status", scenario: "idle" },
  { page: "status", scenario: "ready", name: "offers", query: "&models=offers" },
  ...["stopped", "loading", "ready"].map((scenario) => ({ page: "try", scenario })),
  ...["notes", "tweets", "mixed"].map((set) => ({
    page: "try",
    scenario: "ready",
    name: set,
    act: async (page) => {
      await press(page, `example-${set}`);
      await press(page, "embed");
      await until(page, "nearest");
    },
  })),
  {
    page: "try",
    scenario: "ready",
    name: "twelve",
    act: async (page) => {
      const line = "とても長い一行: 明日の打ち合わせの前に、先週の議事録を読み返しておくこと。";
      await page.locator("#sentences").fill(Array.from({ length: 13 }, (_, at) => `${at + 1} ${line}`).join("\n"));
      await page.locator("#sentences").press("Control+Enter");
      await until(page, "nearest");
      await page.getByRole("tab").first().focus();
      await page.keyboard.press("ArrowRight");
    },
  },
  {
    page: "try",
    scenario: "ready",
    name: "one",
    act: async (page) => {
      await page.locator("#sentences").fill("ひとつだけ");
      await press(page, "embed");
      await until(page, "note");
    },
  },
  ...["reading", "busy", "failed"].map((scene) => ({ page: "try", scenario: "ready", name: scene, query: `&search=${scene}` })),
  {
    page: "try",
    scenario: "ready",
    name: "found",
    act: async (page) => {
      await press(page, "search-example-notes");
      await press(page, "search-in");
      await page.locator("[name=query]:focus").waitFor();
      await page.locator('[data-testid="search-state"][data-state="ready"]').waitFor();
      await press(page, "example-query");
      await until(page, "hit");
    },
  },
  {
    page: "try",
    scenario: "ready",
    name: "folder",
    query: "&search=done",
    act: async (page) => {
      await page.locator("[name=query]").fill("ramen ラーメン");
      await until(page, "hit-place");
    },
  },
  {
    page: "try",
    scenario: "ready",
    name: "refused",
    query: "&refuse",
    act: async (page) => {
      await page.locator("[name=search-text]").fill("ひとつだけ");
      await press(page, "search-in");
      await until(page, "command-error");
    },
  },
  { page: "try", scenario: "stopped", name: "kept", query: "&search=done", act: (page) => until(page, "query") },
  { page: "activity", scenario: "stopped" },
  { page: "activity", scenario: "ready", act: (page) => until(page, "request") },
  { page: "activity", scenario: "ready", name: "empty", query: "&activity=empty", act: (page) => until(page, "queue") },
  {
    page: "activity",
    scenario: "ready",
    name: "refused",
    query: "&activity=refused",
    act: async (page) => {
      await press(page, "allow-origin");
      await until(page, "allowed");
    },
  },
  {
    page: "activity",
    scenario: "ready",
    name: "paused",
    act: async (page) => {
      await page.locator('[data-testid="request"]').first().hover();
      await until(page, "newer");
    },
  },
  {
    page: "activity",
    scenario: "ready",
    name: "client",
    query: "&activity=calm",
    act: async (page) => {
      await press(page, "request");
      await page.locator('[data-client="Obsidian"]').click();
      await until(page, "all-requests");
    },
  },
  {
    page: "activity",
    scenario: "ready",
    name: "nobody",
    query: "&activity=calm",
    act: async (page) => {
      await page.locator('[data-client^="OpenAI"]').click();
      await until(page, "no-requests");
    },
  },
  { page: "logs", scenario: "ready" },
  { page: "logs", scenario: "stopped", name: "empty", query: "&log=empty" },
  {
    page: "logs",
    scenario: "ready",
    name: "filtered",
    act: async (page) => {
      await page.locator("[name=log-level]").selectOption("warnings");
      await page.locator("[name=log-filter]").fill("ORIGIN");
      await page.locator("[name=follow]").uncheck();
    },
  },
  {
    page: "logs",
    scenario: "ready",
    name: "nothing",
    act: (page) => page.locator("[name=log-filter]").fill("word2vec"),
  },
  {
    page: "logs",
    scenario: "ready",
    name: "report",
    act: async (page) => {
      await press(page, "show-report");
      await until(page, "report");
      await press(page, "save-report");
      await until(page, "report-saved");
    },
  },
  ...["stopped", "ready"].map((scenario) => ({ page: "connect", scenario })),
  {
    page: "connect",
    scenario: "ready",
    name: "recipe",
    act: (page) => page.locator("[name=app]").selectOption("Continue (VS Code, JetBrains)"),
  },
  ...["none", "answered", "failed", "refused", "token"].map((name) => ({
    page: "connect",
    scenario: "ready",
    name,
    query: `&clients=${name}`,
    act: async (page) => {
      await page.locator('[data-testid="test-connection"] summary').click();
      await page.locator('[data-testid="last-request"] p').first().waitFor();
    },
  })),
  {
    page: "connect",
    scenario: "ready",
    name: "allowed",
    query: "&clients=refused",
    act: async (page) => {
      await page.locator('[data-testid="test-connection"] summary').click();
      await press(page, "allow-origin");
      await until(page, "origin-allowed");
    },
  },
  ...["loading", "ready"].map((scenario) => ({ page: "welcome", scenario, query: "&models=offers" })),
  {
    page: "welcome",
    scenario: "ready",
    name: "downloading",
    query: "&models=offers",
    act: async (page) => {
      await press(page, "welcome-login");
      await press(page, "pull-offer");
      await until(page, "cancel-offer");
    },
  },
  ...["stopped", "loading", "ready", "idle"].map((scenario) => ({ page: "models", scenario })),
  ...["pulling", "gone", "switching", "memory", "loaded", "offers"].map((scene) => ({
    page: "models",
    scenario: "ready",
    name: scene,
    query: `&models=${scene}`,
  })),
  { page: "models", scenario: "ready", name: "fixed", query: "&fixed" },
  {
    page: "models",
    scenario: "ready",
    name: "changing",
    query: "&clients=used",
    act: async (page) => {
      await page.locator('[data-model="ruri-v3-30m"] [data-testid="use"]').press("Enter");
      await page.locator('[data-testid="keep-current"]:focus').press("Escape");
      await page.locator('[data-model="ruri-v3-30m"] [data-testid="use"]:focus').press("Enter");
      await until(page, "change-question");
    },
  },
  {
    page: "models",
    scenario: "ready",
    name: "used",
    query: "&clients=used",
    act: async (page) => {
      await page.locator('[data-model="ruri-v3-30m"] [data-testid="use"]').click();
      await press(page, "confirm-use");
      await until(page, "still-used");
    },
  },
  {
    page: "models",
    scenario: "ready",
    name: "changed",
    query: "&clients=none",
    act: async (page) => {
      await page.locator('[data-model="ruri-v3-30m"] [data-testid="use"]').click();
      await until(page, "change-meant");
    },
  },
  {
    page: "models",
    scenario: "ready",
    name: "found",
    act: async (page) => {
      await page.locator("input[name=filter][value=japanese]").check();
      await page.locator("[name=search]").fill("ｒｕｒｉ");
    },
  },
  {
    page: "models",
    scenario: "ready",
    name: "nothing",
    act: (page) => page.locator("[name=search]").fill("word2vec"),
  },
  {
    page: "models",
    scenario: "ready",
    name: "asking",
    act: async (page) => {
      await page.locator('[data-model="ruri-v3-30m"] [data-testid="remove"]').press("Enter");
      await page.locator('[data-testid="keep"]:focus').waitFor();
      await page.keyboard.press("Escape");
      await page.locator('[data-model="ruri-v3-30m"] [data-testid="remove"]:focus').press("Enter");
      await until(page, "question");
    },
  },
  {
    page: "models",
    scenario: "ready",
    name: "removed",
    act: async (page) => {
      await page.locator('[data-model="ruri-v3-30m"] [data-testid="remove"]').press("Enter");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.locator("#model-search:focus").waitFor();
    },
  },
  {
    page: "models",
    scenario: "ready",
    name: "refused",
    query: "&refuse",
    act: async (page) => {
      await page.locator('[data-model="ruri-v3-30m"] [data-testid="remove"]').click();
      await press(page, "confirm-remove");
      await until(page, "command-error");
    },
  },
  {
    page: "models",
    scenario: "ready",
    name: "pulled",
    act: async (page) => {
      await page.locator('[data-model="all-MiniLM-L6-v2"] [data-testid="pull"]').press("Enter");
      await page.locator('[data-model="all-MiniLM-L6-v2"][data-state="here"]').waitFor();
    },
  },
  ...["ready", "stopped"].map((scenario) => ({ page: "about", scenario })),
  ...["newest", "newer"].map((name) => ({
    page: "about",
    scenario: "ready",
    name,
    query: `&${name}`,
    act: async (page) => {
      await press(page, "check-update");
      await until(page, "update-address");
    },
  })),
  { page: "status", scenario: "ready", name: "hints", query: "&hints=config,restart,crash" },
  ...["ready", "stopped"].map((scenario) => ({ page: "settings", scenario })),
  { page: "settings", scenario: "ready", name: "fixed", query: "&fixed" },
  {
    page: "settings",
    scenario: "ready",
    name: "typed",
    act: async (page) => {
      await page.locator("[name=model]").selectOption("");
      await page.locator("input[name=model]").fill("./models/ruri");
    },
  },
  {
    page: "settings",
    scenario: "ready",
    name: "mistaken",
    act: async (page) => {
      await page.locator("[name=port]").fill("0");
      await page.locator("[name=threads]").fill("many");
      await press(page, "save");
      await until(page, "problem-port");
    },
  },
  {
    page: "settings",
    scenario: "ready",
    name: "saved",
    act: async (page) => {
      await page.locator("[name=port]").fill("8770");
      await press(page, "save");
      await until(page, "restart-now");
    },
  },
  {
    page: "settings",
    scenario: "ready",
    name: "unsaved",
    act: async (page) => {
      await page.locator("[name=restart_daemon]").click();
    },
  },
];

/** What a view is called in a file name or a complaint. */
export function nameOf(view) {
  return [view.page, view.scenario, view.name].filter(Boolean).join("-");
}
