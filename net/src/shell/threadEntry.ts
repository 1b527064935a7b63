/** Where the file of a thread is, and how it resolves what it imports. */

/** From sources the files beside us are TypeScript, and so is the thread's; built, both are JavaScript. */
export function entryBeside(url: string, name: string): URL {
  return new URL(`./${name}.${url.endsWith(".ts") ? "ts" : "js"}`, url);
}

/** The thread resolves the workspaces as we do: from sources under the condition that says so. */
export function conditionsOf(entry: URL): string[] {
  const given = process.execArgv.filter((argument) => argument.startsWith("--conditions="));
  return entry.pathname.endsWith(".ts") && given.length === 0 ? ["--conditions=brindle-source"] : given;
}
