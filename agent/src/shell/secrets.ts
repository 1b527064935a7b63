/** Follows the Secrets that passwords stand in, and no others: in the API server, or as files of a folder. */
import { constants } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ApiObject, type ApiResource, isRecord } from "@brindle/api";
import type { Following, KubernetesApi, News } from "@brindle/api/shell";
import type { SecretState } from "../graph/passwords.ts";

export interface SecretSource {
  /** Follows these from now on, and forgets what it knows of others. */
  want(names: ReadonlySet<string>): void;
  state(name: string): SecretState;
  end(): Promise<void>;
}

/** A folder goes before the API server; without either there are none. */
export function openSecrets(
  { bgpPasswords: folder, namespace }: { readonly bgpPasswords?: string; readonly namespace: string },
  { api, onChanged }: { readonly api: KubernetesApi | null; readonly onChanged: () => void },
): SecretSource {
  if (folder !== undefined) return new FolderSecrets(folder, { onChanged });
  return api ? new KubernetesSecrets(namespace, { api, onChanged }) : noSecrets;
}

type Entries = ReadonlyMap<string, Uint8Array>;

const resource: ApiResource = { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true };
const waiting: SecretState = { kind: "waiting" };

/** One watch for each Secret, by its name, so that no other ever comes into this process. */
export class KubernetesSecrets implements SecretSource {
  readonly #api: KubernetesApi;
  readonly #namespace: string;
  readonly #onChanged: () => void;
  readonly #followed = new Map<string, Following>();
  readonly #states = new Map<string, SecretState>();

  constructor(namespace: string, { api, onChanged }: { api: KubernetesApi; onChanged: () => void }) {
    this.#namespace = namespace;
    this.#api = api;
    this.#onChanged = onChanged;
  }

  want(names: ReadonlySet<string>): void {
    for (const [name, following] of this.#followed) {
      if (names.has(name)) continue;
      this.#followed.delete(name);
      this.#states.delete(name);
      void following.stop();
    }
    for (const name of names) if (!this.#followed.has(name)) this.#follow(name);
  }

  state(name: string): SecretState {
    return this.#states.get(name) ?? waiting;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#followed.values()].map((following) => following.stop()));
  }

  #follow(name: string): void {
    const narrowing = { namespace: this.#namespace, fieldSelector: `metadata.name=${name}` };
    const onNews = (news: News<Entries>): void => {
      if (this.#followed.get(name) === following) this.#onNews(name, news);
    };
    const following: Following = this.#api.follow(resource, entriesOf, onNews, narrowing);
    this.#followed.set(name, following);
  }

  #onNews(name: string, news: News<Entries>): void {
    const before = this.state(name);
    switch (news.type) {
      case "changed":
        this.#states.set(name, { kind: "present", entries: news.item.object });
        break;
      case "deleted":
        this.#states.set(name, { kind: "absent" });
        break;
      case "inSync":
      case "back":
        if (before.kind !== "present") this.#states.set(name, { kind: "absent" });
        break;
      case "away":
        // What was read stands.
        if (before.kind !== "waiting" && before.kind !== "unread") return;
        this.#states.set(name, { kind: "unread", reason: news.reason });
        break;
      case "trouble":
        return;
    }
    this.#onChanged();
  }
}

/** Without the rest of the object: metadata may hold the whole Secret once more (kubectl's last-applied annotation). */
function entriesOf({ data }: ApiObject): Entries {
  const texts = Object.entries(isRecord(data) ? data : {});
  return new Map(texts.map(([key, text]) => [key, Buffer.from(String(text), "base64")]));
}

const rereadMs = 3_000;

/** `FOLDER/SECRET/KEY`, which is how a kubelet mounts Secrets; read again every while. */
export class FolderSecrets implements SecretSource {
  readonly #folder: string;
  readonly #onChanged: () => void;
  readonly #states = new Map<string, SecretState>();
  #names: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(folder: string, { onChanged }: { onChanged: () => void }) {
    this.#folder = folder;
    this.#onChanged = onChanged;
  }

  want(names: ReadonlySet<string>): void {
    const isNew = [...names].some((name) => !this.#names.has(name));
    this.#names = names;
    for (const name of this.#states.keys()) if (!names.has(name)) this.#states.delete(name);
    if (isNew) this.#reread();
  }

  state(name: string): SecretState {
    return this.#states.get(name) ?? waiting;
  }

  async end(): Promise<void> {
    this.#names = new Set();
    clearTimeout(this.#timer);
    await this.#reading;
  }

  #reread(): void {
    clearTimeout(this.#timer);
    this.#reading = this.#reading.then(() => this.#readAll());
  }

  async #readAll(): Promise<void> {
    let isChanged = false;
    for (const name of this.#names) {
      const state = await readSecret(this.#folder, name);
      if (!this.#names.has(name) || isSame(this.#states.get(name), state)) continue;
      this.#states.set(name, state);
      isChanged = true;
    }
    if (isChanged) this.#onChanged();
    if (this.#names.size > 0) this.#timer = setTimeout(() => this.#reread(), rereadMs).unref();
  }
}

async function readSecret(folder: string, name: string): Promise<SecretState> {
  // A name of Kubernetes has no slash; one that somebody made up leads nowhere else.
  if (!/^[a-z0-9][-a-z0-9.]*$/.test(name)) return { kind: "absent" };
  const path = join(folder, name);
  try {
    // A kubelet's own files begin so; entries may not.
    const keys = (await readdir(path)).filter((key) => !key.startsWith(".."));
    const read = await Promise.all(keys.map(async (key) => [key, await readEntry(join(path, key))] as const));
    return {
      kind: "present",
      entries: new Map(read.filter((entry): entry is [string, Uint8Array] => entry[1] !== null)),
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && (await isFolder(folder))) return { kind: "absent" };
    return {
      kind: "unread",
      reason: error instanceof OpenFileError ? error.message : `${path}: ${code ?? "no folder"}`,
    };
  }
}

/** `null` for what is no file. */
async function readEntry(path: string): Promise<Uint8Array | null> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // A pipe would wait for its other end.
  const { mode, size } = await file.stat();
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) return null;
  if ((mode & 0o077) !== 0) throw new OpenFileError(`${path} may be read by others: make its mode 0400`);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, entryBytesMax)));
  return buffer.subarray(0, bytesRead); // It may have become shorter since.
}

/** Of a Secret, with all of its entries. */
const entryBytesMax = 1_048_576;

class OpenFileError extends Error {
  override readonly name = "OpenFileError";
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}

function isSame(a: SecretState | undefined, b: SecretState): boolean {
  if (a?.kind !== b.kind) return false;
  if (a.kind === "unread" && b.kind === "unread") return a.reason === b.reason;
  if (a.kind !== "present" || b.kind !== "present") return true;
  return (
    a.entries.size === b.entries.size &&
    [...a.entries].every(([key, bytes]) => Buffer.from(bytes).equals(b.entries.get(key) ?? Buffer.alloc(0)))
  );
}

/** Where there is neither Kubernetes nor a folder. */
const noSecrets: SecretSource = {
  want: () => {},
  state: () => ({
    kind: "unread",
    reason: "there is no Kubernetes here that has it: name a folder with --bgp-passwords",
  }),
  end: async () => {},
};
