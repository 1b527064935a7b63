/**
 * The JavaScript of the package: of the library, and of the daemon. Node strips no types below `node_modules`. The other
 * workspaces that the sources import go into it, so that an installed package needs nothing else.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type BuildOptions, build, stop } from "esbuild";

const common: BuildOptions = {
  absWorkingDir: import.meta.dirname,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  conditions: ["brindle-source"],
};

/** Node keeps the text of what it runs, and two bytes a character where one of them needs it, as comments do. */
const keptSmall: BuildOptions = { minifyWhitespace: true, legalComments: "none", charset: "ascii" };

export async function bundleLibrary(dist: string): Promise<void> {
  await build({
    ...common,
    entryPoints: ["src/index.ts", "src/shell/index.ts", "src/shell/speakerThread.ts", "src/shell/bfdThread.ts"],
    outbase: "src",
    outdir: dist,
    // Beside the entries of the threads: whatever starts one, in a chunk or not, looks for it there (`entryBeside`).
    chunkNames: "shell/[hash]",
    // Asked for when a peer has a password, ttlSecurity or bfd; whoever wants those installs it.
    external: ["koffi"],
  });
}

/** Apart from the library, whose chunks it would move, and with the packages that only a daemon needs in it. */
export async function bundleDaemon(dist: string): Promise<void> {
  await build({
    ...common,
    ...keptSmall,
    entryPoints: {
      "brindle-bgp": "src/main.ts",
      wishProcess: "src/shell/daemon/wishProcess.ts",
      bfdThread: "src/shell/bfdThread.ts",
    },
    outdir: join(dist, "daemon"),
    chunkNames: "[hash]",
    external: ["koffi", "netlink"],
    // What commander and others of CommonJS call.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
}

/**
 * The bundler is a process beside this one. Whatever takes the place of this one knows nothing of it, and would keep it
 * as a zombie: it is gone when this resolves, where the kernel tells so (CONFIG_PROC_CHILDREN) and within a second.
 */
export async function endBundler(): Promise<void> {
  await stop();
  const children = `/proc/self/task/${process.pid}/children`;
  const endMs = Date.now() + 1_000;
  while (existsSync(children) && readFileSync(children, "utf8").trim() !== "" && Date.now() < endMs) await sleep(2);
}
