import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { exec } from "../fixtures/command.ts";
import { processInstance } from "../fixtures/instance.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const workspace = fileURLToPath(new URL("../../../bgp", import.meta.url));
const tsc = fileURLToPath(new URL("../../../node_modules/.bin/tsc", import.meta.url));

/** In a user's program, with the types as installed. */
const typed = `
import { type PeerStatus, type SpeakerConfig, Speaker } from "@brindle/bgp";
import { type RunningSpeaker, startSpeakerThread } from "@brindle/bgp/shell";
const config: SpeakerConfig = { asn: 65001, bgpId: "192.0.2.1", listen: [], peers: [] };
const speaker: RunningSpeaker = await startSpeakerThread(config);
const peers: readonly PeerStatus[] = await speaker.peers();
const family: 4 | 6 | undefined = peers[0]?.session?.families[0]?.family;
// @ts-expect-error: an AS number is a number
const wrong: SpeakerConfig = { ...config, asn: "65001" };
console.log(peers.length, family, wrong.asn, new Speaker().peers().length);
await speaker.stop();
`;

describe("the package, installed in an empty folder", () => {
  it("runs the README's examples, has types, and starts its thread", async () => {
    const instance = await processInstance();
    const folder = await instance.createDirectory("bgp-package");
    const npm = (...args: string[]): Promise<string> => exec("npm", args, { cwd: folder, deadlineMs: 50_000 });

    const packed = await exec("npm", ["pack", "--pack-destination", folder], { cwd: workspace, deadlineMs: 50_000 });
    const tarball = basename(packed.trim().split("\n").at(-1) ?? "");
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
    await npm("install", "--offline", "--no-audit", "--no-fund", `./${tarball}`);

    const readme = await readFile(join(workspace, "README.md"), "utf8");
    const example = /```js\n(.*?)```/s.exec(readme)?.[1] ?? "";
    expect(example.trimEnd().split("\n").length).toBeLessThanOrEqual(22);
    await writeFile(join(folder, "example.js"), example);
    const output = await exec(process.execPath, ["example.js"], { cwd: folder });
    expect(example).toContain(`// ${output.trim()}`);

    await writeFile(join(folder, "typed.mts"), typed);
    await exec(tsc, ["--strict", "--module", "nodenext", "--target", "esnext", "typed.mts"], { cwd: folder });
    expect(await exec(process.execPath, ["typed.mjs"], { cwd: folder })).toBe("0 undefined 65001 0\n");

    await writeFile(join(folder, "speaker.yaml"), /```yaml\n(.*?)```/s.exec(readme)?.[1] ?? "");
    const daemon = ["node_modules/.bin/brindle-bgp", "--check", "-c", "speaker.yaml"];
    expect(await exec(process.execPath, daemon, { cwd: folder })).toContain("speaker.yaml: well-formed: 2 peers");
    await instance.removeDirectory(folder);
  });
});
