import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { type CniInstallation, installCni } from "./installCni.ts";

const plugins = [{ type: "brindle" }, { type: "portmap" }];

async function node(): Promise<CniInstallation & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "install-cni-"));
  const installation = {
    executable: join(folder, "executable"),
    binDirectory: join(folder, "bin"),
    networkList: join(folder, "list"),
  };
  await mkdir(installation.binDirectory);
  await writeFile(installation.executable, "ours");
  await writeFile(installation.networkList, JSON.stringify({ plugins }));
  return { ...installation, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

describe("the init step", () => {
  it("installs our executable beside those of others", async () => {
    await using installation = await node();
    const { binDirectory } = installation;
    await writeFile(join(binDirectory, "portmap"), "theirs");
    await chmod(join(binDirectory, "portmap"), 0o755);
    assert.match(await installCni(installation), /bin\/brindle installed$/);
    assert.match(await installCni(installation), /bin\/brindle is there already$/);
    assert.equal(await readFile(join(binDirectory, "brindle"), "utf8"), "ours");
  });

  it("says which plugin of others is missing, and what brings it", async () => {
    await using installation = await node();
    await assert.rejects(installCni(installation), /has no portmap, which the network list needs: .*kubernetes-cni/);
  });
});
