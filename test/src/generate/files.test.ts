import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { crdFolder, generatedFiles } from "./files.ts";

const root = join(import.meta.dirname, "../../..");

describe("generated files", () => {
  it.each([...generatedFiles()])("%s is as the declarations say; else run `npm run generate`", async (path, text) => {
    assert.equal(await readFile(join(root, path), "utf8"), text);
  });

  it("are all CRDs that there are", async () => {
    const expected = [...generatedFiles().keys()].filter((path) => path.startsWith(crdFolder));
    const present = (await readdir(join(root, crdFolder))).map((name) => `${crdFolder}/${name}`);
    assert.deepEqual(present.sort(), expected.sort());
  });
});
