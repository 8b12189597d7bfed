// Every page in every state that can be shown, for the checks and the screenshots.

/** The size of each window, as the app opens it. */
export const SIZES = {
  progress: { width: 460, height: 600 },
  status: { width: 580, height: 720 },
  try: { width: 680, height: 760 },
  models: { width: 680, height: 760 },
  connect: { width: 680, height: 760 },
  settings: { width: 580, height: 760 },
};

const until = (page, testid) => page.locator(`[data-testid="${testid}"]`).first().waitFor();
const press = (page, testid) => page.locator(`[data-testid="${testid}"]`).first().click();

/** A page, a scenario of the fake backend, and what is done there before one looks. */
export const VIEWS = [
  ...["stopped", "loading", "download", "unmeasured", "first", "ready", "launched", "stopping", "cancelled", "failed", "port", "full"].map(
    (scenario) => ({ page: "progress", scenario }),
  ),
  { page: "progress", scenario: "launched", name: "closing", act: (page) => until(page, "closes-in") },
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
  ...["stopped", "loading", "ready", "fresh", "stopping", "failed", "port"].map((scenario) => ({ page: "status", scenario })),
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
  ...["stopped", "ready"].map((scenario) => ({ page: "connect", scenario })),
  {
    page: "connect",
    scenario: "ready",
    name: "recipe",
    act: (page) => page.locator("[name=app]").selectOption("Continue (VS Code, JetBrains)"),
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
