/** Languages that a request can be copied in. */
export const SNIPPETS = ["shell", "python", "javascript"] as const;

export type Snippet = (typeof SNIPPETS)[number];

/** Their names for people. */
export const SNIPPET_NAMES: Record<Snippet, string> = { shell: "Shell", python: "Python", javascript: "JavaScript" };

/** The program that embeds `texts` through the daemon at `address`. */
export function snippet(kind: Snippet, texts: readonly string[], address: string): string {
  switch (kind) {
    case "shell":
      return `printf '%s\\n' \\\n${texts.map((text) => `  ${shellQuoted(text)}`).join(" \\\n")} \\\n  | okibi embed ${portFlag(address)}--input-type document`;
    case "python":
      return `# pip install websockets
import asyncio, json, websockets

async def main():
    async with websockets.connect("${address}") as socket:
        await socket.send(json.dumps({
            "jsonrpc": "2.0", "id": 1, "method": "embed",
            "params": {"input_type": "document", "input": [
${texts.map((text) => `                ${JSON.stringify(text)},`).join("\n")}
            ]},
        }))
        print(json.loads(await socket.recv())["result"]["vectors"])

asyncio.run(main())`;
    case "javascript":
      return `const socket = new WebSocket("${address}");
socket.onopen = () => socket.send(JSON.stringify({
  jsonrpc: "2.0", id: 1, method: "embed",
  params: { input_type: "document", input: [
${texts.map((text) => `    ${JSON.stringify(text)},`).join("\n")}
  ] },
}));
socket.onmessage = (event) => {
  console.log(JSON.parse(event.data).result.vectors);
  socket.close();
};`;
  }
}

/** A text as one word of a POSIX shell. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The default port of a daemon. */
const USUAL_PORT = "8765";

/** The flag that leads `okibi` to the daemon at `address`, where it needs one. */
function portFlag(address: string): string {
  const { port } = new URL(address);
  return port === USUAL_PORT ? "" : `--port ${port} `;
}
