import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { type CniInstallation, installCni } from "./installCni.ts";
import { installNetworkList } from "./networkList.ts";

const plugins = [{ type: "brindle" }, { type: "portmap" }, { type: "bandwidth" }];

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

  it("goes without a plugin that few pods ask for, whom the list then does not name", async () => {
    await using installation = await node();
    const { binDirectory, networkList: source, executable } = installation;
    const add = async (name: string) => {
      await writeFile(join(binDirectory, name), "theirs");
      await chmod(join(binDirectory, name), 0o755);
    };
    await add("portmap");
    const named = async (): Promise<unknown> => {
      const done = Promise.withResolvers<string>();
      await installNetworkList(
        { source, directory: binDirectory, executable: { source: executable, directory: binDirectory } },
        { signal: new AbortController().signal, onInstalled: done.resolve, onProblem: done.reject },
      );
      return JSON.parse(await readFile(await done.promise, "utf8")).plugins;
    };
    assert.deepEqual(await named(), plugins.slice(0, 2));
    await add("bandwidth");
    assert.deepEqual(await named(), plugins);
  });

  it("says which plugin of others is missing, and what brings it", async () => {
    await using installation = await node();
    await assert.rejects(installCni(installation), /has no portmap, which the network list needs: .*kubernetes-cni/);
  });
});
