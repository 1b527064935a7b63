/**
 * Builds `dist/` for the package: Node strips no types below `node_modules`, so what is installed is JavaScript. The
 * workspaces that the sources import go into it, as far as they are used; packages of npm stay dependencies.
 */
import { rmSync } from "node:fs";
import { join, sep } from "node:path";
import { build, type Plugin } from "esbuild";

const root = import.meta.dirname;
const dist = join(root, "dist");

/**
 * Of a workspace what nobody uses is left out, although importing it would run its statements: `net/shell` is one call
 * here, without the native libraries that its other files load.
 */
const shakeWorkspaces: Plugin = {
  name: "shake-workspaces",
  setup(building) {
    building.onResolve({ filter: /^(@brindle\/|\.)/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === "resolved" || kind === "entry-point") return undefined;
      const found = await building.resolve(path, { importer, resolveDir, kind, pluginData: "resolved" });
      const isOurs = found.errors.length === 0 && !found.external && !found.path.includes(`${sep}node_modules${sep}`);
      return isOurs ? { path: found.path, sideEffects: false } : undefined;
    });
  },
};

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
  plugins: [shakeWorkspaces],
  chunkNames: "chunks/[name]-[hash]",
});
