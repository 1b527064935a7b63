/**
 * Builds `dist/` for the package: Node strips no types below `node_modules`, so what is installed is JavaScript. The
 * other workspaces that the sources import go into it, code and types, so that an installed package needs nothing else.
 */
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";

const root = import.meta.dirname;
const dist = join(root, "dist");
const types = join(dist, "types");

rmSync(dist, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: ["src/index.ts", "src/shell/index.ts", "src/shell/speakerThread.ts", "src/shell/bfdThread.ts"],
  outbase: "src",
  outdir: dist,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  conditions: ["brindle-source"],
  // Beside the entries of the threads: whatever starts one, in a chunk or not, looks for it there (`entryBeside`).
  chunkNames: "shell/[hash]",
  // Asked for when a peer has a password, ttlSecurity or bfd; whoever wants those installs it.
  external: ["koffi"],
});
// Apart from the library, whose chunks it would move, and with the packages that only a daemon needs in it.
await build({
  absWorkingDir: root,
  entryPoints: ["src/main.ts"],
  outfile: join(dist, "main.js"),
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node22",
  conditions: ["brindle-source"],
  external: ["koffi", "netlink"],
  // What commander and others of CommonJS call.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
});
emitTypes();

/** Declarations of our sources and of those that they import, which then find each other by relative paths. */
function emitTypes(): void {
  execFileSync("tsc", ["-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
  for (const name of globSync("**/*.d.ts", { cwd: types })) {
    const file = join(types, name);
    writeFileSync(file, withRelativeImports(readFileSync(file, "utf8"), file));
  }
}

function withRelativeImports(text: string, file: string): string {
  return text
    .replaceAll(/"@brindle\/(\w+)(\/shell)?"/g, (_, workspace: string, shell = "") => {
      const target = relative(dirname(file), join(types, workspace, `src${shell}/index.js`));
      return `"${target.startsWith(".") ? target : `./${target}`}"`;
    })
    .replaceAll(/(from "\.[^"]*)\.ts"/g, '$1.js"');
}
