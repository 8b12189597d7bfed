// Every page in every state that can be shown, for the checks and the screenshots.

/** The size of each window, as the app opens it. */
export const SIZES = {
  progress: { width: 460, height: 600 },
  status: { width: 580, height: 720 },
  try: { width: 680, height: 760 },
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
  ...["stopped", "loading", "ready", "idle", "stopping", "failed", "port"].map((scenario) => ({ page: "status", scenario })),
  { page: "status", scenario: "ready", name: "missing", query: "&missing" },
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
      await page.locator("[name=restart]").click();
    },
  },
];

/** What a view is called in a file name or a complaint. */
export function nameOf(view) {
  return [view.page, view.scenario, view.name].filter(Boolean).join("-");
}
