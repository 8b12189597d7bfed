import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

const SOURCES = fileURLToPath(new URL("..", import.meta.url));

/** The modules of a folder, each with those that it imports. Types count as well. */
function imports(folder: string): Map<string, string[]> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => /\.(ts|svelte)$/.test(file));
  const moduleOf = (path: string): string | undefined =>
    ["", ".ts", ".svelte", `${sep}index.ts`].map((end) => path + end).find((file) => files.includes(file));
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(folder, file), "utf8");
      const named = [...text.matchAll(/(?:from|import|import\()\s*"(\.[^"]*)"/g)].map((found) => found[1] ?? "");
      const modules = named.flatMap((name) => moduleOf(relative(folder, normalize(join(folder, dirname(file), name)))) ?? []);
      return [file, modules];
    }),
  );
}

/** Returns the modules of circles, and what lies between two: what is left without modules that import none, or that none imports. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const left = new Map(graph);
  for (;;) {
    const isNamed = (module: string): boolean => [...left.values()].some((named) => named.includes(module));
    const end = [...left].find(([module, named]) => !isNamed(module) || named.every((name) => !left.has(name)));
    if (!end) {
      return [...left.keys()];
    }
    left.delete(end[0]);
  }
}

it("finds a circle, and nothing that only leads into it or out of it", () => {
  expect(circles(new Map([["a", ["b"]], ["b", ["c"]], ["c", []]]))).toEqual([]);
  expect(circles(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b", "d"]], ["d", []]]))).toEqual(["b", "c"]);
});

it("no module imports itself in a circle", () => {
  const graph = imports(SOURCES);
  expect(graph.get(join("lib", "messages", "index.ts"))).toContain(join("lib", "messages", "en.ts"));
  expect(circles(graph)).toEqual([]);
});
