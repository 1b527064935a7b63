/** TLS towards etcd, from files which somebody else renews while we run. */
import { readFileSync, statSync } from "node:fs";
import { checkServerIdentity, createSecureContext, type PeerCertificate, type SecureContext } from "node:tls";
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

/** The same for gRPC's channels and for a connection of our own. */
export interface MadeCredentials {
  readonly channel: ChannelCredentials;
  readonly tls: {
    readonly secureContext: SecureContext;
    readonly checkServerIdentity: (asked: string, certificate: PeerCertificate) => Error | undefined;
  };
}

export class EtcdCredentials {
  readonly #files: EtcdTlsFiles;
  readonly #host: string;
  #stamp = "";
  #made: MadeCredentials | undefined;

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
  current(): MadeCredentials {
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

function credentialsFrom({ caFile, certFile, keyFile }: EtcdTlsFiles, host: string): MadeCredentials {
  const read = (path: string | undefined) => (path ? readable(path, () => readFileSync(path)) : undefined);
  try {
    const secureContext = createSecureContext({ ca: read(caFile), key: read(keyFile), cert: read(certFile) });
    const verify: MadeCredentials["tls"] = {
      secureContext,
      checkServerIdentity: (_asked, certificate) => checkServerIdentity(host, certificate),
    };
    return { channel: credentials.createFromSecureContext(secureContext, verify), tls: verify };
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
