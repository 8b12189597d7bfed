import type { ActiveClient, Activity, Language, RecentRequest } from "./bindings";
import { ago, list, number } from "./format";
import { messagesOf } from "./messages";

/** How many clients a sentence names: more would bury what it says. */
const MOST_NAMED = 4;

/** A client that used a model, and when it last did. */
export interface ModelUser {
  name: string;
  lastUsedMs: number;
}

/** What a client is called: its program where that is known, else what it says of itself. */
export function clientName({ client, program }: Pick<ActiveClient, "client" | "program">): string {
  return program ?? client;
}

/** Returns the clients that used a model, which may go by several names. The latest comes first, and each is named once. */
export function usersOf(activity: Activity | null, names: readonly string[]): ModelUser[] {
  const latest = new Map<string, number>();
  for (const client of activity?.clients ?? []) {
    for (const { model, last_used_ms } of client.models) {
      if (names.includes(model)) {
        const name = clientName(client);
        latest.set(name, Math.max(latest.get(name) ?? 0, last_used_ms));
      }
    }
  }
  return [...latest]
    .map(([name, lastUsedMs]) => ({ name, lastUsedMs }))
    .sort((one, other) => other.lastUsedMs - one.lastUsedMs || one.name.localeCompare(other.name));
}

/** Names the users of a model, each with when it last used it: `python3 (2 minutes ago) and curl (yesterday)`. */
export function namedUsers(users: readonly ModelUser[], now: number, lang: Language): string {
  const t = messagesOf(lang).models;
  const named = users.slice(0, MOST_NAMED).map(({ name, lastUsedMs }) => t.user(name, ago(now - lastUsedMs, lang)));
  const more = users.length - MOST_NAMED;
  return list(more > 0 ? [...named, t.otherUsers(number(more, lang))] : named, lang);
}

/** Returns the request that the daemon saw last. */
export function lastRequest(activity: Activity | null): RecentRequest | null {
  return (activity?.requests ?? []).reduce<RecentRequest | null>(
    (latest, request) => (latest !== null && latest.at_ms >= request.at_ms ? latest : request),
    null,
  );
}
