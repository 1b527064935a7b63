import assert from "node:assert/strict";
import { chmod, mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "vitest";
import { installFile } from "./installFile.ts";

let folder: string;
let source: string;
let target: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "brindle-install-"));
  source = join(folder, "source");
  target = join(folder, "brindle");
  await writeFile(source, "new");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("installFile", () => {
  it("writes content and mode, and leaves nothing else", async () => {
    assert.equal(await installFile(source, target, 0o755), true);
    assert.equal(await readFile(target, "utf8"), "new");
    assert.equal((await stat(target)).mode & 0o777, 0o755);
    assert.deepEqual((await readdir(folder)).sort(), ["brindle", "source"]);
  });

  it("replaces a file without touching what an open one reads", async () => {
    await writeFile(target, "old");
    await using opened = await open(target);
    assert.equal(await installFile(source, target, 0o755), true);
    assert.equal(await opened.readFile("utf8"), "old");
    assert.equal(await readFile(target, "utf8"), "new");
  });

  it("writes nothing where the same is there", async () => {
    await installFile(source, target, 0o755);
    const { ino } = await stat(target);
    assert.equal(await installFile(source, target, 0o755), false);
    assert.equal((await stat(target)).ino, ino);
  });

  it("mends a mode", async () => {
    await installFile(source, target, 0o755);
    await chmod(target, 0o644);
    assert.equal(await installFile(source, target, 0o755), true);
    assert.equal((await stat(target)).mode & 0o777, 0o755);
  });

  it("overwrites what an earlier one left that was cut off", async () => {
    await writeFile(join(folder, ".brindle.new"), "half of something longer");
    await installFile(source, target, 0o644);
    assert.equal(await readFile(target, "utf8"), "new");
    assert.deepEqual((await readdir(folder)).sort(), ["brindle", "source"]);
  });

  it("replaces a link, and not what it leads to", async () => {
    const other = join(folder, "other");
    await writeFile(other, "another's");
    await symlink(other, target);
    await installFile(source, target, 0o755);
    assert.equal(await readFile(other, "utf8"), "another's");
    assert.equal(await readFile(target, "utf8"), "new");
  });

  it("fails where the directory is missing", async () => {
    await assert.rejects(installFile(source, join(folder, "none/brindle"), 0o755), /ENOENT/);
  });
});
