/**
 * Who we are to an API server, as the files say now. Files are read again every while, and whenever the server does not
 * accept what they said before: tokens of pods live an hour, certificates of nodes are renewed under the same name.
 */
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { ClusterAccess, FileOrText } from "../../kubernetes/clusterAccess.ts";
import { StoreError } from "../../store/error.ts";

export interface Identity {
  readonly tls: TlsIdentity;
  /** The header, or `null` where the certificate says all. */
  readonly authorization: string | null;
}

export interface TlsIdentity {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

export interface Credentials {
  /** The same object as long as nothing of it has changed. Rejects with a `StoreError` that names the file. */
  current(): Promise<Identity>;
  /** For when the server said no: reads everything again. */
  renew(): Promise<Identity>;
}

export function openCredentials(access: ClusterAccess, rereadMs = 30_000): Credentials {
  return new FileCredentials(access, rereadMs);
}

class FileCredentials implements Credentials {
  readonly #access: ClusterAccess;
  readonly #rereadMs: number;
  #plugin: Plugin | null = null;
  #reading: Promise<Identity> | null = null;
  #identity: Identity | null = null;
  #readAtMs = 0;

  constructor(access: ClusterAccess, rereadMs: number) {
    this.#access = access;
    this.#rereadMs = rereadMs;
  }

  async current(): Promise<Identity> {
    const isFresh = this.#identity && performance.now() - this.#readAtMs < this.#rereadMs;
    return isFresh && this.#identity ? this.#identity : this.#readOnce();
  }

  renew(): Promise<Identity> {
    this.#plugin = null; // It keeps what it was given until that expires by its own word.
    return this.#readOnce();
  }

  /** Many requests may be refused at once; they share one reading. */
  #readOnce(): Promise<Identity> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #read(): Promise<Identity> {
    const next = await this.#withPlugin(await readIdentity(this.#access));
    this.#readAtMs = performance.now();
    if (!this.#identity || !isDeepStrictEqual(this.#identity, next)) this.#identity = next;
    return this.#identity;
  }

  async #withPlugin(identity: Identity): Promise<Identity> {
    if (!this.#access.plugin) return identity;
    if (!this.#plugin) {
      // Half a second and 78 MB, which only a kubeconfig with a plugin is worth.
      const { openPlugin } = await import("./credentialPlugin.ts");
      this.#plugin = openPlugin(this.#access.plugin, this.#access.server);
    }
    return this.#plugin(identity);
  }
}

type Plugin = (identity: Identity) => Promise<Identity>;

async function readIdentity(access: ClusterAccess): Promise<Identity> {
  const [ca, cert, key, token] = await Promise.all(
    [access.ca, access.certificate, access.key, access.token].map((source) => source && contentOf(source)),
  );
  return {
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(access.tlsServerName !== undefined && { servername: access.tlsServerName }),
      rejectUnauthorized: access.insecureSkipTlsVerify !== true,
    },
    authorization: token === undefined ? null : `Bearer ${token.trim()}`,
  };
}

async function contentOf(source: FileOrText): Promise<string> {
  if ("text" in source) return source.text;
  try {
    return await readFile(source.file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It may be in the middle of being replaced: later it may be there.
    throw new StoreError({ code: "UNAVAILABLE", reason: `cannot read ${source.file}: ${code}` }, { cause: error });
  }
}
