import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

import { RECIPES, targetOf } from "./recipes";

it("has the three addresses of a daemon on any port", () => {
  const target = targetOf("ws://127.0.0.1:22041", "m");
  expect(target).toEqual({
    openai: "http://127.0.0.1:22041/v1",
    plain: "http://127.0.0.1:22041",
    websocket: "ws://127.0.0.1:22041",
    model: "m",
  });
});

it.each(RECIPES.map((recipe) => [recipe.name, recipe] as const))("tells %s the port, and the model where it is asked for", (name, recipe) => {
  const code = recipe.code(targetOf("ws://127.0.0.1:22041", "my-model"));
  expect(code).toContain(":22041");
  expect(code.includes("my-model")).toBe(name !== "Docker");
  expect(Object.values(recipe.where).every((words) => words !== "")).toBe(true);
});

it("has the apps of the documentation by their names there", () => {
  const apps = readFileSync(fileURLToPath(new URL("../../../docs/apps.md", import.meta.url)), "utf8");
  const own = ["curl", "Python (openai)", "JavaScript (openai)"];
  const missing = RECIPES.map((recipe) => recipe.name).filter((name) => !own.includes(name) && !apps.includes(name));
  expect(missing).toEqual([]);
});
