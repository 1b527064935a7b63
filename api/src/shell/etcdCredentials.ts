/** TLS towards etcd, from files which somebody else renews while we run. */
import { readFileSync, statSync } from "node:fs";
import { checkServerIdentity } from "node:tls";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import { StoreError } from "../store/error.ts";
import { misconfigured } from "./misconfigured.ts";

/** Paths of PEM files. */
export interface EtcdTlsFiles {
  /** Whom we trust; the authorities that Node knows where it is not given. */
  readonly caFile?: string;
  /** Who we are: both or neither. */
  readonly certFile?: string;
  readonly keyFile?: string;
}

export class EtcdCredentials {
  readonly #files: EtcdTlsFiles;
  readonly #host: string;
  #stamp = "";
  #made: ChannelCredentials | undefined;

  /** Throws a `StoreError` for files that cannot be used. `host` is whom the server's certificate has to name. */
  constructor(files: EtcdTlsFiles, host: string) {
    if (!files.certFile !== !files.keyFile) {
      throw misconfigured("a client certificate for etcd needs both its file and its key's file");
    }
    this.#files = files;
    this.#host = host;
    this.current();
  }

  /**
   * The same object for as long as the files stay the same. While a renewal is half written, key and certificate
   * do not fit: then the former ones serve on.
   */
  current(): ChannelCredentials {
    try {
      const stamp = stampOf(this.#files);
      if (this.#made === undefined || stamp !== this.#stamp) {
        this.#made = credentialsFrom(this.#files, this.#host);
        this.#stamp = stamp;
      }
    } catch (error) {
      if (this.#made === undefined) throw error;
    }
    return this.#made;
  }
}

/** Changes whenever a file is written, replaced, or reached by another link, as a mounted secret's are. */
function stampOf({ caFile, certFile, keyFile }: EtcdTlsFiles): string {
  return [caFile, certFile, keyFile]
    .flatMap((path) => (path === undefined ? [] : [statOf(path)]))
    .map(({ ino, mtimeMs, size }) => `${ino} ${mtimeMs} ${size}`)
    .join("\n");
}

function statOf(path: string) {
  return readable(path, () => statSync(path));
}

function credentialsFrom({ caFile, certFile, keyFile }: EtcdTlsFiles, host: string): ChannelCredentials {
  const read = (path: string | undefined) => (path ? readable(path, () => readFileSync(path)) : null);
  try {
    return credentials.createSsl(read(caFile), read(keyFile), read(certFile), {
      checkServerIdentity: (_asked, certificate) => checkServerIdentity(host, certificate),
    });
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const files = [caFile, certFile, keyFile].filter((path) => path !== undefined).join(", ");
    // What OpenSSL says names no content of the files.
    throw misconfigured(`the files for TLS (${files}) cannot be used: ${(error as Error).message}`);
  }
}

function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw misconfigured(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
  }
}
