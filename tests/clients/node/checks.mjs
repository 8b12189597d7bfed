// What every client is tried with: where Okibi is, the inputs, and the vectors that have to come back.
//
// A program that imports this is called with PORT, and has on standard input, as JSON: {"texts": [TEXT, …],
// "many": [TEXT, …], "long": TEXT, "none": {TEXT: VECTOR}, "query": {TEXT: VECTOR}}.

import assert from "node:assert/strict";
import { json } from "node:stream/consumers";

export const base = `http://127.0.0.1:${process.argv[2]}`;
export const expected = await json(process.stdin);
export const model = "multilingual-e5-small";
export const unknown = "no-such-model";
export const { texts, many, long } = expected;

/** Compares vectors with those of a direct call. */
export const check = (vectors, role = "none", wanted = texts) => {
  assert.equal(vectors.length, wanted.length);
  for (const [at, text] of wanted.entries()) {
    const apart = Math.max(...expected[role][text].map((value, i) => Math.abs(value - vectors[at][i])));
    assert.ok(apart < 1e-5, `${apart} apart at ${text.slice(0, 40)}`);
  }
};

/** Runs each of the clients, all at once, and prints a line for it; returns the number of those that failed. */
export const run = async (clients) => {
  const outcomes = await Promise.all(
    Object.entries(clients).map(async ([name, client]) => {
      try {
        await client();
        console.log(`${name} ok`);
        return 0;
      } catch (error) {
        console.log(`${name} FAILED\n${error.stack}`);
        return 1;
      }
    }),
  );
  return outcomes.reduce((sum, each) => sum + each, 0);
};
