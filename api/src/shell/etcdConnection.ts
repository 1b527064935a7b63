/**
 * Calls to etcd, each with a deadline and its failure as a `StoreError`. Of several endpoints one is used until it
 * fails. The client's own retries are off: a transaction whose answer was lost must not be sent twice, since the second
 * would meet the first one's result and call it a conflict.
 */
import { readFileSync } from "node:fs";
import {
  Etcd3,
  type IDuplexStream,
  type IOptions,
  type IRangeRequest,
  type IRangeResponse,
  type ITxnRequest,
  type ITxnResponse,
  type IWatchRequest,
  type IWatchResponse,
} from "etcd3";
import { StoreError } from "../store/error.ts";
import { storeErrorOf, wasNeverSent } from "./etcdErrors.ts";

export interface EtcdConnectionOptions {
  /** `http://10.0.0.1:2379`; https for TLS. */
  readonly endpoints: readonly string[];
  /** Paths of PEM files. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  readonly user?: { readonly name: string; readonly password: string };
  /** How long one call may take; 5 s unless told. */
  readonly timeoutMs?: number;
}

type Policy = NonNullable<NonNullable<IOptions["faultHandling"]>["global"]>;

export class EtcdConnection {
  readonly #endpoints: readonly string[];
  readonly #calls: readonly Etcd3[];
  /** Apart from the calls, because the client closes all its channels when one call fails. */
  readonly #streams: readonly Etcd3[];
  readonly #timeoutMs: number;
  #current = 0;

  constructor(options: EtcdConnectionOptions) {
    this.#endpoints = options.endpoints.map(checkedEndpoint);
    if (this.#endpoints.length === 0) throw refuse("no etcd endpoint is given");
    this.#timeoutMs = options.timeoutMs ?? 5_000;
    const clientOptions = this.#endpoints.map((endpoint) => clientOptionsFor(endpoint, options, this.#timeoutMs));
    this.#calls = clientOptions.map((each) => new Etcd3(each));
    this.#streams = clientOptions.map((each) => new Etcd3(each));
  }

  range(request: IRangeRequest): Promise<IRangeResponse> {
    return this.#call((client, options) => client.kv.range(request, options), { isRepeatable: true });
  }

  txn(request: ITxnRequest): Promise<ITxnResponse> {
    return this.#call((client, options) => client.kv.txn(request, options), { isRepeatable: false });
  }

  /** A stream has no deadline; its keepalives notice a connection that is dead. */
  async openWatchStream(): Promise<IDuplexStream<IWatchRequest, IWatchResponse>> {
    try {
      return await at(this.#streams, this.#current).watchClient.watch();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** What ended a stream, as a `StoreError`; the next call goes to the next endpoint. */
  streamFailed(error: unknown): StoreError {
    return this.#failed(error);
  }

  close(): void {
    for (const client of [...this.#calls, ...this.#streams]) client.close();
  }

  async #call<T>(
    send: (client: Etcd3, options: { deadline: number }) => Promise<T>,
    { isRepeatable }: { isRepeatable: boolean },
  ): Promise<T> {
    const deadline = Date.now() + this.#timeoutMs;
    for (let attempt = 1; ; attempt++) {
      try {
        return await send(at(this.#calls, this.#current), { deadline });
      } catch (error) {
        const failure = this.#failed(error);
        const mayRepeat = isRepeatable || wasNeverSent(error);
        const isAway = failure.failure.code === "UNAVAILABLE" && Date.now() < deadline;
        if (attempt >= this.#endpoints.length || !mayRepeat || !isAway) throw failure;
      }
    }
  }

  #failed(error: unknown): StoreError {
    const failure = storeErrorOf(error, { endpoint: at(this.#endpoints, this.#current), timeoutMs: this.#timeoutMs });
    if (failure.failure.code === "UNAVAILABLE") this.#current = (this.#current + 1) % this.#endpoints.length;
    return failure;
  }
}

function clientOptionsFor(endpoint: string, options: EtcdConnectionOptions, timeoutMs: number): IOptions {
  const { tls, user } = options;
  return {
    hosts: endpoint,
    grpcOptions: {
      // The default is 4 MiB, which some 6,000 endpoints pass.
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
      "grpc.keepalive_time_ms": 10_000,
      "grpc.keepalive_timeout_ms": 5_000,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 2_000,
    },
    faultHandling: { host: () => once, global: once },
    ...(tls && { credentials: credentialsOf(tls) }),
    ...(user && {
      auth: {
        username: user.name,
        password: user.password,
        callOptions: () => ({ deadline: Date.now() + timeoutMs }),
      },
    }),
  };
}

/** Tries everything once, and never holds a call back. */
const once: Policy = {
  _altReturn: undefined as never, // The client's types ask for it; its code never reads it.
  onSuccess: () => ({ dispose: () => {} }),
  onFailure: () => ({ dispose: () => {} }),
  execute: async (work) => work({ signal: new AbortController().signal }),
};

function credentialsOf({ caFile, certFile, keyFile }: NonNullable<EtcdConnectionOptions["tls"]>) {
  if (!caFile) throw refuse("TLS to etcd needs the file of the CA's certificate");
  if (!certFile !== !keyFile) throw refuse("a client certificate for etcd needs both its file and its key's file");
  return {
    rootCertificate: readPem(caFile),
    ...(certFile && keyFile && { certChain: readPem(certFile), privateKey: readPem(keyFile) }),
  };
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StoreError({ code: "REFUSED", reason: `cannot read ${path}: ${code}` }, { cause: error });
  }
}

/** An address with a user in it is not repeated in the error: the password would stand there too. */
function checkedEndpoint(endpoint: string): string {
  if (!URL.canParse(endpoint)) throw refuse("an etcd endpoint is no URL; write http://10.0.0.1:2379");
  const { protocol, username, password, host } = new URL(endpoint);
  if (username || password) throw refuse(`the endpoint ${host} has a user in it; give the user as an option`);
  if (!/^https?:$/.test(protocol)) throw refuse(`the endpoint ${endpoint} begins with neither http:// nor https://`);
  return `${protocol}//${host}`;
}

function refuse(reason: string): StoreError {
  return new StoreError({ code: "REFUSED", reason });
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
}
