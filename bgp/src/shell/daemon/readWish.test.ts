import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { BgpError } from "../../error.ts";
import { readWish } from "./readWish.ts";

const folder = mkdtempSync(join(tmpdir(), "brindle-wish-"));
const path = join(folder, "speaker.yaml");
const text = (password: string): string => `
asNumber: 65000
routerID: 10.99.0.1
peers: [{ peerIP: 10.99.0.2, asNumber: 65000, passwordFile: ${password} }]
`;

afterAll(() => rmSync(folder, { recursive: true }));

describe("readWish", () => {
  it("does not wait for ever for a file that never ends", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await assert.rejects(readWish(text("pipe"), path, { timeoutMs: 1_000 }), (error) => {
      assert(error instanceof BgpError);
      assert.equal(error.failure.code, "FILE_NOT_READ");
      assert.match(error.message, /speaker\.yaml: cannot be read: it took longer than 1 s: /);
      return true;
    });
  });

  it("says how the process ended that was to read it", async () => {
    const { NODE_OPTIONS } = process.env;
    process.env.NODE_OPTIONS = "--import=data:text/javascript,throw(new(Error)(`out_of_order`))";
    try {
      await assert.rejects(readWish(text("none"), path), {
        message: `${path}: cannot be read: the process that reads it ended with exit code 1: Error: out_of_order`,
      });
    } finally {
      if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS;
      else process.env.NODE_OPTIONS = NODE_OPTIONS;
    }
  });
});
