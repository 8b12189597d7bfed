import { expect, it } from "vitest";

import { dialectName, isFailed, jobLeft, jobShare, newerCount, refusedOrigins, shownRequests, steady } from "./activity";
import type { RecentRequest } from "./bindings";

function request(at_ms: number, change: Partial<RecentRequest> = {}): RecentRequest {
  return { at_ms, client: "python3", dialect: "jsonrpc", texts: 1, tokens: 8, truncated: 0, took_ms: 5, status: 200, ...change };
}

it("what was there keeps its place, what is new comes last, what is gone is gone", () => {
  expect(steady(["a", "b", "c"], ["d", "c", "a"], (item) => item)).toEqual(["a", "c", "d"]);
  expect(steady([], ["b", "a"], (item) => item)).toEqual(["b", "a"]);
});

it("an item that stays is shown as it is now", () => {
  const keyOf = (item: { id: string }): string => item.id;
  expect(steady([{ id: "a", count: 1 }], [{ id: "a", count: 2 }], keyOf)).toEqual([{ id: "a", count: 2 }]);
});

it("the newest request is first, and a client has its own", () => {
  const requests = [request(1), request(3, { client: "obsidian" }), request(2)];
  expect(shownRequests(requests, null).map(({ at_ms }) => at_ms)).toEqual([3, 2, 1]);
  expect(shownRequests(requests, "python3").map(({ at_ms }) => at_ms)).toEqual([2, 1]);
  expect(shownRequests(requests, "nobody")).toEqual([]);
});

it("counts what came since", () => {
  const shown = [request(2), request(1)];
  expect(newerCount(shown, [request(4), request(3), ...shown])).toBe(2);
  expect(newerCount([], shown)).toBe(2);
});

it("knows what went wrong", () => {
  expect(isFailed(request(1))).toBe(false);
  expect(isFailed(request(1, { status: 503 }))).toBe(true);
  expect(isFailed(request(1, { status: -32602 }))).toBe(true);
  expect(isFailed(request(1, { error: "no model" }))).toBe(true);
  expect(isFailed(request(1, { refusal: "token" }))).toBe(true);
});

it("names each refused origin once", () => {
  const requests = [
    request(3, { refusal: "origin", origin: "https://a.example" }),
    request(2, { refusal: "origin", origin: "https://b.example" }),
    request(1, { refusal: "origin", origin: "https://a.example" }),
    request(4, { refusal: "host", origin: "https://c.example" }),
  ];
  expect(refusedOrigins(requests)).toEqual(["https://a.example", "https://b.example"]);
});

it("a job's rest follows from its pace", () => {
  const job = { client: "python3", model: "e5", done: 250, total: 1000, began_ms: 10_000 };
  expect(jobShare(job)).toBe(0.25);
  expect(jobShare({ ...job, total: 0 })).toBe(0);
  expect(jobLeft(job, 15_000)).toBe(15_000);
  expect(jobLeft(job, 11_000)).toBe(null);
  expect(jobLeft({ ...job, done: 0 }, 15_000)).toBe(null);
});

it("a dialect has its maker's name", () => {
  expect(dialectName("openai")).toBe("OpenAI");
  expect(dialectName("grpc")).toBe("grpc");
});
