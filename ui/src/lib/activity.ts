import type { ActiveClient, Job, RecentRequest } from "./bindings";

/** What the dialects are called by those who made them. */
const DIALECTS: Record<string, string> = {
  jsonrpc: "JSON-RPC",
  openai: "OpenAI",
  ollama: "Ollama",
  tei: "text-embeddings-inference",
};

export function dialectName(dialect: string): string {
  return DIALECTS[dialect] ?? dialect;
}

/** What tells a client from the others. */
export function clientKey(client: ActiveClient): string {
  return JSON.stringify([client.client, client.program, client.pid, client.address, client.dialect]);
}

/** What tells a job from the others. */
export function jobKey(job: Job): string {
  return JSON.stringify([job.client, job.model, job.began_ms]);
}

/** Items in the order they had before, so that none moves under the hand; new ones come last. */
export function steady<T>(before: readonly T[], now: readonly T[], keyOf: (item: T) => string): T[] {
  const rest = new Map(now.map((item) => [keyOf(item), item]));
  const kept = before.flatMap((item) => {
    const known = rest.get(keyOf(item));
    rest.delete(keyOf(item));
    return known === undefined ? [] : [known];
  });
  return [...kept, ...rest.values()];
}

/** Requests, the newest first; those of one client where one is chosen. */
export function shownRequests(requests: readonly RecentRequest[], client: string | null): RecentRequest[] {
  return requests.filter((request) => client === null || request.client === client).sort((one, other) => other.at_ms - one.at_ms);
}

/** How many of `now` came after those that are `shown`. */
export function newerCount(shown: readonly RecentRequest[], now: readonly RecentRequest[]): number {
  const last = Math.max(0, ...shown.map((request) => request.at_ms));
  return now.filter((request) => request.at_ms > last).length;
}

export function isFailed(request: RecentRequest): boolean {
  return request.error !== undefined || request.refusal !== undefined || request.status >= 400 || request.status < 0;
}

/** The origins of pages that were refused, each once, in the order in which they first asked. */
export function refusedOrigins(requests: readonly RecentRequest[]): string[] {
  const asked = [...requests].sort((one, other) => one.at_ms - other.at_ms);
  return [...new Set(asked.flatMap(({ refusal, origin }) => (refusal === "origin" && origin !== undefined ? [origin] : [])))];
}

/** How much of a job is done, 0 to 1. */
export function jobShare(job: Job): number {
  return job.total > 0 ? Math.min(1, job.done / job.total) : 0;
}

/** How long a job still takes at its pace so far; `null` while that is a mere guess. */
export function jobLeft(job: Job, nowMs: number): number | null {
  const elapsed = nowMs - job.began_ms;
  return job.done > 0 && elapsed >= 2000 ? (elapsed / job.done) * Math.max(0, job.total - job.done) : null;
}
