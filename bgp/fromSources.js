/**
 * The daemon in the repository: what its sources come to, made when they have changed. A process that reads TypeScript
 * holds forty megabytes of a compiler, and starts a second later.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(import.meta.dirname, "..");
const cacheOfTree = join(root, "node_modules/.cache/brindle-bgp");
const madeFrom = ["bgp/src", "bgp/bundle.ts", "bgp/package.json", "net/src", "net/package.json", "package-lock.json"];
const keptForMs = 30 * 24 * 3_600_000;
/** In each folder of the cache: its files and their digests, written when all of them are. */
const contents = "contents.json";

/** The folder that is `dist` of an installed package, as a URL. One that is not whole any more is made anew. */
export async function distOfSources(cache = cacheOfTree) {
  const dist = join(cache, keyOfSources());
  if (!isWhole(dist)) {
    rmSync(dist, { recursive: true, force: true });
    // Behind the look at the cache: what it takes is large.
    const { bundleDaemon, endBundler } = await import("./bundle.ts");
    const making = `${dist}.${process.pid}`;
    mkdirSync(making, { recursive: true });
    await bundleDaemon(making);
    await endBundler();
    seal(making);
    putInPlace(making, dist);
    flush(cache);
    removeOld(cache);
  }
  return pathToFileURL(`${dist}/`);
}

/** A machine that lost power may have kept names of files without what was in them. */
function isWhole(dist) {
  try {
    const digests = Object.entries(JSON.parse(readFileSync(join(dist, contents), "utf8")));
    return digests.length > 0 && digests.every(([name, digest]) => digestOf(join(dist, name)) === digest);
  } catch {
    return false;
  }
}

function seal(dist) {
  const names = readdirSync(dist, { recursive: true });
  const files = names.filter((name) => statSync(join(dist, name)).isFile());
  const digests = Object.fromEntries(files.map((name) => [name, digestOf(join(dist, name))]));
  writeFileSync(join(dist, contents), JSON.stringify(digests));
  for (const name of [...names, contents, "."]) flush(join(dist, name));
}

function digestOf(file) {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

function flush(path) {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function keyOfSources() {
  const hash = createHash("sha256");
  for (const path of madeFrom) {
    const whole = join(root, path);
    const isFolder = statSync(whole).isDirectory();
    const files = isFolder
      ? readdirSync(whole, { recursive: true })
          .sort()
          .map((file) => join(whole, file))
      : [whole];
    for (const file of files) {
      if (file.endsWith(".test.ts")) continue;
      const { mtimeMs, size } = statSync(file);
      hash.update(`${file} ${mtimeMs} ${size}\n`);
    }
  }
  return hash.digest("hex").slice(0, 16);
}

function putInPlace(made, dist) {
  try {
    renameSync(made, dist);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (!isWhole(dist)) throw error; // Another process made the same at the same time, else.
  }
}

/** A daemon that runs loads parts of its folder later, however old that is. */
function removeOld(cache) {
  const used = commandLines();
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    const isUsed = used.some((line) => line.includes(`/${name}/`));
    if (!isUsed && Date.now() - statSync(path).mtimeMs > keptForMs) rmSync(path, { recursive: true, force: true });
  }
}

/** Of all processes that are seen from here. */
function commandLines() {
  if (!existsSync("/proc/self/cmdline")) return [];
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
      return ""; // It has ended.
    }
  });
}
