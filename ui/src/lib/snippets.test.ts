import { execFileSync } from "node:child_process";

import { describe, expect, it } from "vitest";

import { shellQuoted, snippet, SNIPPETS } from "./snippets";

const NASTY = ["it's", 'a "quote"', "back\\slash", "$HOME `id` %s", "熾火 🔥", "</script>", "a\u2028b"];
const ADDRESS = "ws://127.0.0.1:8770";

describe("snippets", () => {
  it.each(SNIPPETS.filter((kind) => kind !== "shell"))("name the address: %s", (kind) => {
    expect(snippet(kind, ["a"], ADDRESS)).toContain(`"${ADDRESS}"`);
  });

  it("of a shell on another port than the usual one name it", () => {
    expect(snippet("shell", ["a"], ADDRESS)).toContain("okibi embed --port 8770 ");
    expect(snippet("shell", ["a"], "ws://127.0.0.1:8765")).toContain("okibi embed --input-type document");
  });

  it.skipIf(process.platform === "win32")("give a shell every text unharmed", () => {
    const program = snippet("shell", NASTY, ADDRESS).replace(/okibi embed.*$/s, "cat");
    expect(execFileSync("sh", ["-c", program], { encoding: "utf8" })).toBe(`${NASTY.join("\n")}\n`);
  });

  it("of JavaScript run and send the request", () => {
    let sent = "";
    class Socket {
      onopen: () => void = () => undefined;
      send(text: string): void {
        sent = text;
      }
    }
    const program = new Function("WebSocket", `${snippet("javascript", NASTY, ADDRESS)}\nsocket.onopen();`);
    program(Socket);
    expect(JSON.parse(sent)).toEqual({
      jsonrpc: "2.0",
      id: 1,
      method: "embed",
      params: { input_type: "document", input: NASTY },
    });
  });

  it("of Python hold every text as a string that Python reads alike", () => {
    const program = snippet("python", NASTY, ADDRESS);
    for (const text of NASTY) {
      expect(program).toContain(`                ${JSON.stringify(text)},\n`);
    }
  });

  it("quote for a shell", () => {
    expect(shellQuoted("it's")).toBe("'it'\\''s'");
    expect(shellQuoted("")).toBe("''");
  });
});
