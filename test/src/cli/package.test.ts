import { readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { exec, run } from "../fixtures/command.ts";
import { startEtcd } from "../fixtures/etcd.ts";
import { processInstance } from "../fixtures/instance.ts";
import { brindlectl, launcher, pool } from "./brindlectl.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const workspace = fileURLToPath(new URL("../../../cli", import.meta.url));

describe("the package, installed in an empty folder", () => {
  it("runs with what it brings, and has no native library", async () => {
    const folder = await (await processInstance()).createDirectory("cli-package");
    const npm = (args: readonly string[], cwd: string): Promise<string> =>
      exec("npm", args, { cwd, deadlineMs: 50_000 });
    const packed = await npm(["pack", "--pack-destination", folder], workspace);
    const tarball = basename(packed.trim().split("\n").at(-1) ?? "");
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true }));
    await npm(["install", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`], folder);

    const command = join(folder, "node_modules/.bin/brindlectl");
    expect(await exec(command, ["version", "--socket", "/run/brindle-none.sock"])).toMatch(/^Client: +0\.1\.0\n/);
    await using etcd = await startEtcd();
    const at = ["--etcd", etcd.endpoint];
    expect(await exec(command, [...at, "apply", "-f", "-"], { input: pool("a", "10.1.0.0/16") })).toBe(
      "IPPool a created\n",
    );
    // What the package stored is what the sources read.
    expect((await brindlectl([...at, "get", "ippools"])).stdout).toMatch(/\na +10\.1\.0\.0\/16 /);
    const installed = await readdir(join(folder, "node_modules"));
    expect(installed).not.toContain("koffi");
    expect(installed).not.toContain("netlink");
  });
});

describe("a Node that is too old", () => {
  it("is told of in one sentence", async () => {
    const pretend = `Object.defineProperty(process.versions, "node", { value: "18.20.4" });`;
    const imported = `data:text/javascript,${encodeURIComponent(pretend)}`;
    const { exitCode, stdout, stderr } = await run(process.execPath, ["--import", imported, launcher, "version"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(/^brindlectl needs Node 22\.18 or later and this is 18\.20\.4: .*\n$/);
  });
});
