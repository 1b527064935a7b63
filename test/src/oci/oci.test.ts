import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { afterAll, beforeEach, describe, it } from "vitest";
import { exec } from "../fixtures/command.ts";
import { processInstance } from "../fixtures/instance.ts";
import { writeImage } from "./archive.ts";
import { entriesOf, fileEntry, textEntry } from "./entries.ts";
import type { ImageSpec } from "./image.ts";

let folder: string;
beforeEach(async () => {
  folder = await (await processInstance()).createDirectory("oci");
});
afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const longName = `${"deep/".repeat(30)}${"name".repeat(40)}`;

async function makeTree(root: string, seconds: number): Promise<void> {
  await mkdir(join(root, dirname(longName)), { recursive: true });
  await writeFile(join(root, longName), "long");
  await writeFile(join(root, "empty"), "");
  await writeFile(join(root, "block"), "x".repeat(512));
  await writeFile(join(root, "tool"), "#!/bin/sh\n");
  await chmod(join(root, "tool"), 0o755);
  await symlink(longName, join(root, "link"));
  for (const name of ["empty", "block", "tool"]) await utimes(join(root, name), seconds, seconds);
}

async function imageOf(root: string, further: Partial<ImageSpec> = {}): Promise<ImageSpec> {
  return {
    name: "localhost/example:1",
    layers: [
      await entriesOf(root),
      [textEntry("etc/greeting", "hello\n"), await fileEntry(join(root, "tool"), "bin/t")],
    ],
    entrypoint: ["/tool"],
    ...further,
  };
}

interface Unpacked {
  readonly index: { readonly manifests: readonly { readonly digest: string }[] };
  readonly manifest: { readonly layers: readonly { readonly digest: string; readonly size: number }[] };
  readonly config: { readonly config: object; readonly rootfs: { readonly diff_ids: readonly string[] } };
  blob(digest: string): string;
}

async function unpack(archive: string): Promise<Unpacked> {
  const root = join(folder, "unpacked");
  await mkdir(root);
  await exec("tar", ["-xf", archive, "-C", root]);
  const blob = (digest: string): string => join(root, "blobs", digest.replace(":", "/"));
  const json = async (path: string) => JSON.parse(await readFile(path, "utf8"));
  const index = await json(join(root, "index.json"));
  const manifest = await json(blob(index.manifests[0].digest));
  return { index, manifest, config: await json(blob(manifest.config.digest)), blob };
}

const unpackers = { none: (bytes: Buffer): Buffer => bytes, gzip: gunzipSync, zstd: zstdDecompressSync };

async function digestOf(path: string): Promise<string> {
  return `sha256:${createHash("sha256")
    .update(await readFile(path))
    .digest("hex")}`;
}

describe("writeImage", () => {
  it("writes layers that tar unpacks to the same files, long names and empty files among them", async () => {
    await makeTree(join(folder, "tree"), 1);
    await writeImage(await imageOf(join(folder, "tree")), join(folder, "image.tar"));
    const { manifest, blob } = await unpack(join(folder, "image.tar"));
    await mkdir(join(folder, "root"));
    for (const { digest } of manifest.layers) await exec("tar", ["-xf", blob(digest), "-C", join(folder, "root")]);
    const listing = (root: string) =>
      exec("sh", [
        "-c",
        "cd \"$0\" && find . -not -path './etc*' -not -path './bin*' -printf '%p %m %l\\n' | sort",
        root,
      ]);
    assert.equal(await listing(join(folder, "root")), await listing(join(folder, "tree")));
    await exec("diff", ["-r", join(folder, "tree"), join(folder, "root"), "-x", "etc", "-x", "bin"]);
    assert.equal(await readFile(join(folder, "root/etc/greeting"), "utf8"), "hello\n");
  });

  it("gives everything to root and to the year 1970", async () => {
    await makeTree(join(folder, "tree"), 1);
    await writeImage(await imageOf(join(folder, "tree")), join(folder, "image.tar"));
    const { manifest, blob } = await unpack(join(folder, "image.tar"));
    const listing = await exec("tar", ["--numeric-owner", "--utc", "-tvf", blob(manifest.layers[0]?.digest ?? "")]);
    for (const line of listing.trim().split("\n")) assert.match(line, /^\S+ 0\/0 +\d+ 1970-01-01 00:00 /);
    assert.match(listing, /^-rwxr-xr-x .* tool$/m);
  });

  for (const compression of ["none", "gzip", "zstd"] as const) {
    it(`names every blob by its digest, layers by what they unpack to, compression ${compression}`, async () => {
      await makeTree(join(folder, "tree"), 1);
      const spec = await imageOf(join(folder, "tree"), { compression });
      const archive = await writeImage(spec, join(folder, "image.tar"));
      const { index, manifest, config, blob } = await unpack(join(folder, "image.tar"));
      assert.deepEqual(
        index.manifests.map(({ digest }) => digest),
        [archive.digest],
      );
      assert.equal(await digestOf(blob(archive.digest)), archive.digest);
      for (const [at, { digest, size }] of manifest.layers.entries()) {
        assert.equal(await digestOf(blob(digest)), digest);
        assert.equal((await readFile(blob(digest))).length, size);
        const plain = unpackers[compression](await readFile(blob(digest)));
        assert.equal(`sha256:${createHash("sha256").update(plain).digest("hex")}`, config.rootfs.diff_ids[at]);
      }
      assert.deepEqual(Reflect.get(config.config, "Entrypoint"), ["/tool"]);
    });
  }

  it("writes the same bytes from the same files, whatever their times and the order they were made in", async () => {
    await makeTree(join(folder, "one"), 1);
    await makeTree(join(folder, "two"), 1_000_000);
    for (const name of ["one", "two"]) {
      await writeImage(await imageOf(join(folder, name), { compression: "gzip" }), join(folder, `${name}.tar`));
    }
    assert.equal(await digestOf(join(folder, "one.tar")), await digestOf(join(folder, "two.tar")));
  });

  it("leaves nothing of an archive that it could not finish", async () => {
    await makeTree(join(folder, "tree"), 1);
    const spec = await imageOf(join(folder, "tree"));
    await exec("rm", [join(folder, "tree/block")]);
    await assert.rejects(writeImage(spec, join(folder, "image.tar")), /ENOENT/);
    assert.equal(await exec("ls", ["-A", folder]), "tree\n");
  });
});
