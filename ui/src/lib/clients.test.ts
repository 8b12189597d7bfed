import { describe, expect, it } from "vitest";

import type { ActiveClient, Activity, RecentRequest } from "./bindings";
import { lastRequest, namedUsers, usersOf } from "./clients";

function client(name: string, models: [string, number][], program?: string): ActiveClient {
  return {
    client: name,
    program,
    address: "127.0.0.1",
    dialect: "openai",
    connections: 1,
    last_seen_ms: 0,
    requests: 1,
    texts: 1,
    tokens: 1,
    errors: 0,
    models: models.map(([model, last_used_ms]) => ({ model, last_used_ms })),
  };
}

function request(at_ms: number): RecentRequest {
  return { at_ms, client: "c", dialect: "openai", texts: 1, tokens: 1, truncated: 0, took_ms: 1, status: 200 };
}

function activity(change: Partial<Activity>): Activity {
  return { clients: [], queue: { requests: 0, texts: 0 }, jobs: [], requests: [], ...change };
}

describe("who used a model", () => {
  it("is each program once, with its latest use, the latest first", () => {
    const clients = [
      client("openai-python", [["e5", 5]], "python3"),
      client("Obsidian", [["e5", 20], ["ruri", 90]]),
      client("httpx", [["e5", 30]], "python3"),
      client("curl", [["ruri", 40]]),
    ];
    expect(usersOf(activity({ clients }), ["e5"])).toEqual([
      { name: "python3", lastUsedMs: 30 },
      { name: "Obsidian", lastUsedMs: 20 },
    ]);
  });

  it("is also who called it by its folder", () => {
    expect(usersOf(activity({ clients: [client("curl", [["/m/mine", 1]])] }), ["mine", "/m/mine"])).toHaveLength(1);
  });

  it("is nobody where nothing is known", () => {
    expect(usersOf(null, ["e5"])).toEqual([]);
  });
});

it("names four users at most, and says how many more there are", () => {
  const users = [1, 2, 3, 4, 5, 6].map((minutes) => ({ name: `app${minutes}`, lastUsedMs: -minutes * 60_000 }));
  expect(namedUsers(users.slice(0, 2), 0, "en")).toBe("app1 (1 minute ago) and app2 (2 minutes ago)");
  expect(namedUsers(users.slice(0, 2), 0, "ja")).toBe("app1 (1 分前)、app2 (2 分前)");
  expect(namedUsers(users, 0, "en")).toMatch(/app4 \(4 minutes ago\), and 2 more$/);
});

it("the last request is the latest one, in whatever order they come", () => {
  expect(lastRequest(activity({ requests: [request(3), request(9), request(4)] }))?.at_ms).toBe(9);
  expect(lastRequest(activity({}))).toBeNull();
  expect(lastRequest(null)).toBeNull();
});
