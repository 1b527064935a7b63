import { once } from "node:events";
import { constants } from "node:fs";
import {
  access,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Daemon, exec, startDaemon } from "../fixtures/command.ts";
import { freePorts } from "../fixtures/freePorts.ts";
import { processInstance } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const launcher = fileURLToPath(new URL("../../../bgp/bin/brindle-bgp.js", import.meta.url));
const ours = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.arena_max=1";

interface Stage {
  readonly pid: number;
  readonly tunables: string | undefined;
  readonly node: readonly string[];
}

/** Each program that this process is, one after the other, tells of itself before it begins. */
const tell = `const { pid, env, execArgv } = process;
console.log(JSON.stringify({ pid, tunables: env.GLIBC_TUNABLES, node: execArgv.filter((a) => !a.startsWith("--import")) }));`;

async function stages(env: Readonly<Record<string, string>>, first = ""): Promise<readonly Stage[]> {
  const probe = `--import=data:text/javascript,${encodeURIComponent(tell + first)}`;
  const output = await exec(process.execPath, [probe, launcher, "--version"], { env });
  const lines = output.trimEnd().split("\n");
  expect(lines.pop()).toBe("0.1.0");
  return lines.map((line) => JSON.parse(line) as Stage);
}

describe("brindle-bgp", () => {
  it("asks for huge pages and a small young generation, and stays the process that was started", async () => {
    const [began, runs, ...more] = await stages({ GLIBC_TUNABLES: "" });
    expect(runs).toEqual({ pid: began?.pid, tunables: ours, node: ["--max-semi-space-size=2"] });
    expect(more).toEqual([]);
  });

  it("heeds what its operator tells the C library and Node", async () => {
    const given = "glibc.malloc.hugetlb=0:glibc.malloc.check=1";
    const [, runs] = await stages({ GLIBC_TUNABLES: given, NODE_OPTIONS: "--max-semi-space-size=8" });
    expect(runs?.tunables).toBe(`${given}:glibc.malloc.mmap_threshold=33554432:glibc.malloc.arena_max=1`);
    expect(runs?.node).toEqual([]);
    expect((await stages({ NODE_OPTIONS: "--max_semi_space_size=8" }))[1]?.node).toEqual([]);
  });

  /** 76 to 80; with the speaker in a thread, YAML read in the process, or Node's HTTP client loaded, 92 or more. */
  it("takes less than 88 MB with a thousand peers in its file", async () => {
    const instance = await processInstance();
    const folder = await instance.createDirectory("bgp-daemon");
    const template = { passive: true, importPolicy: "accept", exportPolicy: "accept" };
    const peers = Array.from({ length: 1_000 }, (_, i) => ({
      peerIP: `10.99.${i >> 8}.${i & 255}`,
      asNumber: 65_001 + i,
      template: "tor",
    }));
    const [port = 0] = await freePorts(1);
    const listen = [{ address: "127.0.0.1", port }];
    const head = { asNumber: 65_000, routerID: "10.99.0.1", controlSocket: join(folder, "bgp.sock"), listen };
    const file = join(folder, "speaker.yaml");
    await writeFile(file, JSON.stringify({ ...head, templates: { tor: template }, peers })); // Which is YAML, too.
    await using daemon = startDaemon(process.execPath, [launcher, "-c", file]);
    await waitFor(() => daemon.output().includes("runs;"), { what: "brindle-bgp runs", deadlineMs: 30_000 });
    const status = await readFile(`/proc/${daemon.pid}/status`, "utf8");
    expect(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024).toBeLessThan(88);
  });

  it.each([
    { why: "one program cannot take the place of another", first: "delete process.execve;" },
    { why: "the kernel refuses it", first: "process.execve = () => { throw new Error('E2BIG'); };" },
  ])("runs as it is where $why", async ({ first }) => {
    expect(await stages({ GLIBC_TUNABLES: "" }, first)).toHaveLength(1);
  });

  it("dials nobody, and leaves nothing behind, where it cannot be asked", async () => {
    const folder = await (await processInstance()).createDirectory("bgp-daemon");
    let dials = 0;
    const peer = createServer(() => (dials += 1)).listen(0, "127.0.0.1");
    await once(peer, "listening");
    const { port } = peer.address() as AddressInfo;
    const head = { asNumber: 65_000, routerID: "10.99.0.1", controlSocket: join(folder, "bgp.sock") };
    const metrics = { address: "127.0.0.1", port }; // Which the peer has.
    const peers = [{ peerIP: `127.0.0.1:${port}`, asNumber: 65_001 }];
    const file = join(folder, "speaker.yaml");
    await writeFile(file, JSON.stringify({ ...head, gracefulRestart: {}, metrics, peers }));
    try {
      await expect(exec(process.execPath, [launcher, "-c", file])).rejects.toThrow("cannot listen on 127.0.0.1");
    } finally {
      peer.close();
    }
    expect(dials).toBe(0);
    expect(await readdir(folder)).toEqual(["speaker.yaml"]);
  });

  it("reads its file again when it was asked to before its start was over", async () => {
    const folder = await (await processInstance()).createDirectory("bgp-daemon");
    const [file, password] = [join(folder, "speaker.yaml"), join(folder, "password")];
    const peer = { peerIP: "10.99.0.2", asNumber: 65_001, shutdown: "being cabled", passwordFile: "password" };
    const head = { asNumber: 65_000, routerID: "10.99.0.1", controlSocket: join(folder, "bgp.sock") };
    await writeFile(file, JSON.stringify({ ...head, peers: [peer] }));
    await exec("mkfifo", [password]);
    await using daemon = startDaemon(process.execPath, [launcher, "-c", file]);
    const writer = await opened(password, daemon);
    await writeFile(file, JSON.stringify({ ...head, peers: [{ ...peer, holdTime: "30s", passwordFile: "other" }] }));
    await writeFile(join(folder, "other"), "secret");
    daemon.kill("SIGHUP");
    await writer.write("secret");
    await writer.close();
    await waitFor(
      () => {
        daemon.assertRunning();
        return daemon.output().includes("peer 10.99.0.2 holdTime: 90s -> 30s: reset");
      },
      { what: "the reload is told", deadlineMs: 30_000 },
    );
  });
});

/** A pipe has no writer before somebody reads it, here the one who looks for the password. */
async function opened(pipe: string, daemon: Daemon): Promise<FileHandle> {
  const tried = (): Promise<FileHandle | null> =>
    open(pipe, constants.O_WRONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENXIO") throw error;
      return null;
    });
  let writer: FileHandle | null = null;
  await waitFor(
    async () => {
      daemon.assertRunning();
      writer ??= await tried();
      return writer !== null;
    },
    { what: "the password is read", deadlineMs: 30_000 },
  );
  return writer ?? open(pipe, constants.O_WRONLY);
}

describe("the daemon of the repository", () => {
  const sources = new URL("../../../bgp/fromSources.js", import.meta.url);
  const look = `const { distOfSources } = await import("${sources}");
    const { pathname } = await distOfSources(process.argv[1]);
    const { readFileSync } = await import("node:fs");
    console.log(pathname, readFileSync("/proc/self/task/" + process.pid + "/children", "utf8"));`;

  /** The folder that a launcher would run, and what it leaves running. */
  async function made(cache: string): Promise<{ readonly dist: string; readonly children: string }> {
    const line = await exec(process.execPath, ["--input-type=module", "-e", look, cache]);
    const [dist = "", ...children] = line.trim().split(" ");
    return { dist, children: children.join(" ") };
  }

  const mainOf = (dist: string): string => join(dist, "daemon/brindle-bgp.js");
  let cache = "";
  let dist = "";

  beforeAll(async () => {
    cache = await (await processInstance()).createDirectory("bgp-cache");
    const first = await made(cache);
    expect(first.children).toBe(""); // Nor a bundler, which nobody would wait for.
    dist = first.dist;
  });

  it("is made once", async () => {
    const { ino } = await stat(mainOf(dist));
    expect((await made(cache)).dist).toBe(dist);
    expect((await stat(mainOf(dist))).ino).toBe(ino);
  });

  it.each([
    { what: "a file is empty", harm: () => truncate(mainOf(dist)) },
    { what: "a file is not there", harm: () => rm(mainOf(dist)) },
    { what: "nothing says what it was", harm: () => truncate(join(dist, "contents.json")) },
  ])("is made anew where $what, as after a loss of power", async ({ harm }) => {
    await harm();
    expect((await made(cache)).dist).toBe(dist);
    expect(await exec(process.execPath, [mainOf(dist), "--version"])).toBe("0.1.0\n");
  });

  it("stays for as long as one runs, and goes a month later", async () => {
    const [used, unused] = [join(cache, "0123456789abcdef"), join(cache, "fedcba9876543210")];
    for (const folder of [used, unused]) {
      await mkdir(folder);
      await utimes(folder, 1, 1);
    }
    await using running = startDaemon(process.execPath, ["-e", "setInterval(() => {}, 1000)", mainOf(used)]);
    await rm(dist, { recursive: true });
    await made(cache);
    running.assertRunning();
    await access(used);
    await expect(access(unused)).rejects.toThrow("ENOENT");
  });
});
