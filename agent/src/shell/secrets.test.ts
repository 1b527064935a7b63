import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiObject, ApiResource } from "@brindle/api";
import type { KubernetesApi, News } from "@brindle/api/shell";
import { describe, it, vi } from "vitest";
import { passwordOf } from "../graph/passwords.ts";
import { FolderSecrets, KubernetesSecrets, type SecretSource } from "./secrets.ts";

const reference = { secretKeyRef: { name: "bgp", key: "tor" } };

function said(source: SecretSource): string {
  const password = passwordOf(reference, (name) => source.state(name));
  return password.kind === "known" ? password.value : password.kind === "missing" ? password.reason : "none";
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "brindle-secrets-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("passwords in a folder", () => {
  it(
    "are read, and read again when they change",
    () =>
      withFolder(async (folder) => {
        let changes = 0;
        const secrets = new FolderSecrets(folder, { onChanged: () => changes++ });
        secrets.want(new Set(["bgp"]));
        await vi.waitFor(() => assert.equal(said(secrets), "there is no Secret bgp"));
        await mkdir(join(folder, "bgp"));
        await writeFile(join(folder, "bgp", "tor"), "first", { mode: 0o400 });
        await vi.waitFor(() => assert.equal(said(secrets), "first"), { timeout: 10_000 });
        await rm(join(folder, "bgp", "tor"));
        await writeFile(join(folder, "bgp", "tor"), "second", { mode: 0o400 });
        await vi.waitFor(() => assert.equal(said(secrets), "second"), { timeout: 10_000 });
        assert.equal(changes, 3);
        await secrets.end();
      }),
    30_000,
  );

  it.each([0o440, 0o404, 0o420, 0o402])(
    "that others may read or write are refused by the name of the file: %o",
    (mode) =>
      withFolder(async (folder) => {
        await mkdir(join(folder, "bgp"));
        await writeFile(join(folder, "bgp", "tor"), "first");
        await chmod(join(folder, "bgp", "tor"), mode);
        const secrets = new FolderSecrets(folder, { onChanged: () => {} });
        secrets.want(new Set(["bgp"]));
        await vi.waitFor(() => assert.match(said(secrets), /bgp\/tor may be read by others: make its mode 0400$/));
        await secrets.end();
      }),
  );

  it("are nowhere else, whatever a Secret is called", () =>
    withFolder(async (folder) => {
      await mkdir(join(folder, "inner"));
      await writeFile(join(folder, "tor"), "outside", { mode: 0o400 });
      const secrets = new FolderSecrets(join(folder, "inner"), { onChanged: () => {} });
      secrets.want(new Set([".."]));
      await vi.waitFor(() => assert.deepEqual(secrets.state(".."), { kind: "absent" }));
      await secrets.end();
    }));

  it("cannot be read where the folder is not there, which is said", async () => {
    const secrets = new FolderSecrets("/nowhere/at-all", { onChanged: () => {} });
    secrets.want(new Set(["bgp"]));
    await vi.waitFor(() => assert.match(said(secrets), /cannot be read: \/nowhere\/at-all\/bgp: ENOENT/));
    await secrets.end();
  });
});

/** Answers what the test says, as a watch of one Secret does. */
class FakeApi {
  readonly followed = new Map<string, (news: News<ApiObject>) => void>();

  follow<T>(
    _resource: ApiResource,
    read: (object: ApiObject) => T,
    onNews: (news: News<T>) => void,
    narrowing: { readonly namespace?: string; readonly fieldSelector?: string } = {},
  ): { stop(): Promise<void> } {
    const selector = `${narrowing.namespace} ${narrowing.fieldSelector}`;
    this.followed.set(selector, (news) => {
      onNews(news.type === "changed" ? { ...news, item: { ...news.item, object: read(news.item.object) } } : news);
    });
    return {
      stop: async () => {
        this.followed.delete(selector);
      },
    };
  }
}

describe("passwords in Secrets", () => {
  const open = () => {
    const api = new FakeApi();
    const secrets = new KubernetesSecrets("ours", { api: api as unknown as KubernetesApi, onChanged: () => {} });
    secrets.want(new Set(["bgp"]));
    const tell = (news: News<ApiObject>) => api.followed.get("ours metadata.name=bgp")?.(news);
    return { api, secrets, tell };
  };
  const holding = (password: string): News<ApiObject> => ({
    type: "changed",
    item: {
      id: "ours/bgp",
      resourceVersion: "1",
      object: { metadata: { name: "bgp" }, data: { tor: Buffer.from(password).toString("base64") } },
    },
  });

  it("are followed by name in one namespace, and no longer than they are named", () => {
    const { api, secrets, tell } = open();
    assert.equal(said(secrets), "Secret bgp is not read yet");
    tell(holding("pw"));
    assert.equal(said(secrets), "pw");
    secrets.want(new Set(["other"]));
    assert.deepEqual([...api.followed.keys()], ["ours metadata.name=other"]);
    assert.deepEqual(secrets.state("bgp"), { kind: "waiting" });
  });

  it("stand while the API server is away, and are gone when they are deleted", () => {
    const { secrets, tell } = open();
    tell(holding("pw"));
    tell({ type: "inSync" });
    tell({ type: "away", reason: "no answer" });
    assert.equal(said(secrets), "pw");
    tell({ type: "deleted", id: "ours/bgp" });
    assert.equal(said(secrets), "there is no Secret bgp");
  });

  it("are not to be had where they may not be read, until they may", () => {
    const { secrets, tell } = open();
    tell({ type: "away", reason: "a role with the verb list on secrets is missing" });
    assert.equal(said(secrets), "Secret bgp cannot be read: a role with the verb list on secrets is missing");
    tell({ type: "inSync" });
    assert.equal(said(secrets), "there is no Secret bgp");
    tell(holding("pw"));
    assert.equal(said(secrets), "pw");
  });
});
