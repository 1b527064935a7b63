#!/usr/bin/env node
/*
 * Starts brindle-bgp: from its sources in the repository, from `dist/` in an installed package. Kept so plain that any
 * Node with modules parses it, since it is what tells of a Node that is too old.
 */
import { existsSync } from "node:fs";

const sources = new URL("../src/main.ts", import.meta.url);
const fromSources = existsSync(sources);
const [major, minor] = process.versions.node.split(".").map(Number);
// 22.18 is the first that runs TypeScript without a flag.
const minorMin = fromSources ? 18 : 0;

if (major < 22 || (major === 22 && minor < minorMin)) {
  const remedy = fromSources
    ? "in the repository `npm run brindle-bgp -- …` brings its own"
    : "install a newer one, or run it with `npx -p node@26 -p @brindle/bgp brindle-bgp …`";
  process.stderr.write(
    `brindle-bgp needs Node 22.${minorMin} or later and this is ${process.versions.node}: ${remedy}\n`,
  );
  process.exitCode = 1;
} else {
  import(fromSources ? sources : new URL("../dist/main.js", import.meta.url));
}
