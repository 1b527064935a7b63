import { mkdtemp, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EarlierRun } from "./earlierRun.ts";

const restartSeconds = 120;

describe("a daemon that follows another", () => {
  let folder: string;
  let socket: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "brindle-earlier-run-"));
    socket = join(folder, "bgp.sock");
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** What the next process sees. */
  const isFollowed = (): Promise<boolean> => new EarlierRun(socket).isFollowed({ restartSeconds });

  it("is none where none was", async () => {
    expect(await isFollowed()).toBe(false);
  });

  it("is one after a process that was killed, and after one that peers are to wait for", async () => {
    const run = new EarlierRun(socket);
    await run.begin();
    expect(await isFollowed()).toBe(true);
    await run.end({ keeps: true });
    expect(await isFollowed()).toBe(true);
  });

  it("is none after one that said goodbye", async () => {
    const run = new EarlierRun(socket);
    await run.begin();
    await run.end({ keeps: false });
    expect(await isFollowed()).toBe(false);
  });

  it("is none after a boot of the machine", async () => {
    await writeFile(`${socket}.boot`, "0fb4bd5e-0000-4000-8000-000000000000");
    expect(await isFollowed()).toBe(false);
  });

  it("is none when peers have waited long enough", async () => {
    const run = new EarlierRun(socket);
    await run.begin();
    const past = new Date(Date.now() - 130_000);
    await utimes(`${socket}.boot`, past, past);
    expect(await isFollowed()).toBe(false);
    await run.end({ keeps: true });
    expect(Date.now() - (await stat(`${socket}.boot`)).mtimeMs).toBeLessThan(60_000);
  });
});
