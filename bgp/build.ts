/** Builds `dist/` for the package: its JavaScript, and its types. */
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { bundleDaemon, bundleLibrary } from "./bundle.ts";

const root = import.meta.dirname;
const dist = join(root, "dist");
const types = join(dist, "types");

rmSync(dist, { recursive: true, force: true });
await bundleLibrary(dist);
await bundleDaemon(dist);
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
