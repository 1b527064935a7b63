#!/usr/bin/env node
/*
 * Starts brindle-bgp: from what its sources come to in the repository, from `dist/` in an installed package. Kept so
 * plain that any Node with modules parses it, since it is what tells of a Node that is too old.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const sources = new URL("../src/main.ts", import.meta.url);
const fromSources = existsSync(sources);
const [major, minor] = process.versions.node.split(".").map(Number);
// 22.18 is the first that runs TypeScript without a flag.
const minorMin = fromSources ? 18 : 0;

/** A table of a million routes in pages of 4 KiB waits for their addresses at each access. DESIGN.md, "Speed". */
const tunables = {
  "glibc.malloc.hugetlb": "1",
  "glibc.malloc.mmap_threshold": "33554432",
  // Each of Node's threads would have room of its own: five megabytes.
  "glibc.malloc.arena_max": "1",
};
/** A burst of sessions would make V8's young generation grow, which is kept. */
const semiSpace = "--max-semi-space-size";

// Whoever asks for a reload now has what is wished: the file is read later.
process.on("SIGHUP", () => {});

if (major < 22 || (major === 22 && minor < minorMin)) {
  const remedy = fromSources
    ? "in the repository `npm run brindle-bgp -- …` brings its own"
    : "install a newer one, or run it with `npx -p node@26 -p @brindle/bgp brindle-bgp …`";
  process.stderr.write(
    `brindle-bgp needs Node 22.${minorMin} or later and this is ${process.versions.node}: ${remedy}\n`,
  );
  process.exitCode = 1;
} else {
  await start(await main());
}

/** Where nothing can be written beside the sources, or they cannot be bundled, they run as they are. */
async function main() {
  const name = "daemon/brindle-bgp.js";
  if (!fromSources) return new URL(`../dist/${name}`, import.meta.url);
  try {
    const { distOfSources } = await import("../fromSources.js");
    return new URL(name, await distOfSources());
  } catch {
    return sources;
  }
}

/**
 * In place of this process, which keeps its number: memory is managed as the C library and Node were told when a process
 * began. What the operator says of either comes first. Where that cannot be (Node before 22.15, an environment that is as
 * large as the kernel takes, one that is not permitted) it runs here, as it is.
 */
async function start(entry) {
  const { execPath, execArgv, argv, env } = process;
  const args = ["brindle-bgp", ...ofNode(), ...execArgv, fileURLToPath(entry), ...argv.slice(2)];
  try {
    process.execve(execPath, args, { ...env, GLIBC_TUNABLES: withOurs(env.GLIBC_TUNABLES ?? "") });
  } catch {
    await import(entry);
  }
}

/** Node takes underscores for dashes. */
function ofNode() {
  const said = [process.env.NODE_OPTIONS ?? "", ...process.execArgv].map((text) => text.replaceAll("_", "-"));
  return said.some((text) => text.includes(semiSpace)) ? [] : [`${semiSpace}=2`];
}

function withOurs(given) {
  const said = given.split(":").map((each) => each.split("=")[0]);
  const ours = Object.entries(tunables).filter(([name]) => !said.includes(name));
  return [given, ...ours.map(([name, value]) => `${name}=${value}`)].filter((each) => each !== "").join(":");
}
