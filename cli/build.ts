/**
 * Builds `dist/` for the package: Node strips no types below `node_modules`, so what is installed is JavaScript. The
 * workspaces that the sources import go into it, as far as they are used: `"sideEffects": false` in their package.json
 * lets `net/shell` be one call here, without the native libraries that its other files load. Packages of npm stay
 * dependencies.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const root = import.meta.dirname;
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: ["src/main.ts"],
  outdir: dist,
  bundle: true,
  // A command loads what it imports when it runs, and no more.
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  conditions: ["brindle-source"],
  external: ["@grpc/grpc-js", "cli-table3", "commander", "etcd3", "koffi", "netlink", "yaml", "zod"],
  chunkNames: "chunks/[name]-[hash]",
});
