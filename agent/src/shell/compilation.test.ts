import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { collectionFlags, compilationFlags } from "./compilation.ts";

it("collects with one thread what this release of V8 collects with several", () => {
  const known = execFileSync(process.execPath, ["--v8-options"], { encoding: "utf8" });
  expect(collectionFlags(process.versions.v8)).toEqual(["--no-parallel-scavenge"]);
  expect(known).toMatch(/^ *--parallel-scavenge \(.*\n.*default: --parallel-scavenge$/m);
});

it("asks V8 for what this release of it knows, and has otherwise by itself", () => {
  const known = execFileSync(process.execPath, ["--v8-options"], { encoding: "utf8" }).split("\n");
  const flags = compilationFlags(process.versions.v8);
  expect(flags).toHaveLength(2);
  for (const flag of flags) {
    const [name = "", value] = flag.split("=");
    const at = known.findIndex((line) => line.trimStart().startsWith(`${name} (`));
    expect(known[at], flag).toBeDefined();
    const byItself = /default: \S+=(\d+)/.exec(known[at + 1] ?? "")?.[1];
    expect(Number(byItself), flag).toBeGreaterThan(Number(value));
  }
});

it("asks a V8 that it was not tried with for nothing: what that does not know, it complains of", () => {
  for (const version of ["11.3.244.8-node.33", "14.60.1", "15.0.1"])
    expect([...compilationFlags(version), ...collectionFlags(version)]).toEqual([]);
});
