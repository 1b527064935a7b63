/**
 * One endpoint of etcd: calls, each of which ends, and streams. Deadlines are timers and never times of day, so that a
 * clock which is set neither ends a call nor keeps it. The client's pool, its retries and its way to renew a token are
 * not used: it repeats a call for as long as a token is refused.
 *
 * Calls go over a connection of our own where it is open and admits them (`EtcdDirect`), a quarter as long under way; gRPC's channel has
 * the streams, what is larger than may be sent at once, and all that is asked while there is no such connection: how it failed is said
 * by one of them alone.
 */
import { isIP } from "node:net";
import { type ChannelCredentials, type Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import type { IRangeRequest, IWatchRequest } from "etcd3";
import { Host } from "etcd3/lib/connection-pool.js";
import { type RangeAnswer, readRangeAnswer } from "../grpc/rangeAnswer.ts";
import {
  readTransactionAnswer,
  type Transaction,
  type TransactionAnswer,
  writeTransaction,
} from "../grpc/transaction.ts";
import { readWatchAnswer, type WatchAnswer } from "../grpc/watchAnswer.ts";
import { EtcdCredentials, type EtcdTlsFiles, type MadeCredentials } from "./etcdCredentials.ts";
import { EtcdDirect } from "./etcdDirect.ts";
import { unavailable } from "./etcdErrors.ts";

export type EtcdStream = ClientDuplexStream<IWatchRequest, WatchAnswer>;

/** The methods whose messages the client reads and writes, each with the service that has it. */
const services = { compact: "KV", authenticate: "Auth" } as const;

export type EtcdMethod = keyof typeof services;

export interface EtcdCallOptions {
  readonly token: string | null;
  readonly timeoutMs: number;
}

export class EtcdMember {
  readonly endpoint: string;
  readonly #host: string;
  readonly #credentials: EtcdCredentials | null;
  #open: { readonly credentials: ChannelCredentials; readonly host: Host; readonly direct: EtcdDirect } | undefined;

  /** `http://10.0.0.1:2379`, or https. Throws a `StoreError` for files that TLS cannot use. */
  constructor(endpoint: string, tls: EtcdTlsFiles) {
    this.endpoint = endpoint;
    const { protocol, hostname } = new URL(endpoint);
    this.#host = hostname.replace(/^\[|\]$/g, "");
    this.#credentials = protocol === "https:" ? new EtcdCredentials(tls, this.#host) : null;
  }

  /** Rejects with gRPC's error, or with a `StoreError` when the time is over. */
  call<Request extends object, Response>(
    method: EtcdMethod,
    request: Request,
    options: EtcdCallOptions,
  ): Promise<Response> {
    const client = this.#channels().host.getServiceClient(services[method]);
    const { path, requestSerialize, responseDeserialize } = definitionOf<Request, Response>(
      client,
      declaredNames[method],
    );
    return this.#ask({ path, message: requestSerialize(request), read: responseDeserialize }, options);
  }

  /** As `call`; its answers are the large ones. */
  range(request: IRangeRequest, options: EtcdCallOptions): Promise<RangeAnswer> {
    const { path, requestSerialize } = definitionOf<IRangeRequest, never>(this.#keyValues(), "Range");
    return this.#ask({ path, message: requestSerialize(request), read: readRangeAnswer }, options);
  }

  /** As `call`; these are the many ones. */
  transact(transaction: Transaction, options: EtcdCallOptions): Promise<TransactionAnswer> {
    const { path } = definitionOf<never, never>(this.#keyValues(), "Txn");
    return this.#ask({ path, message: writeTransaction(transaction), read: readTransactionAnswer }, options);
  }

  async #ask<Answer>({ path, message, read }: RawCall<Answer>, { token, timeoutMs }: EtcdCallOptions): Promise<Answer> {
    const { host, direct } = this.#channels();
    const timeIsOver = () => unavailable(`no answer from etcd at ${this.endpoint} in ${Math.round(timeoutMs)} ms`);
    const sinceMs = performance.now();
    const answer = await direct.call({ path, token, message }, { timeoutMs, timeIsOver });
    if (answer !== null) return read(answer);
    // Who was asked over our own connection and had not looked at it may have taken a part of the time.
    const leftMs = timeoutMs - (performance.now() - sinceMs);
    const client = rawClient(host.getServiceClient("KV"));
    return new Promise((resolve, reject) => {
      const call = client.makeUnaryRequest(path, asItIs, read, message, metadataOf(token), (error, response) => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve(response as Answer); // There is one where there is no error.
      });
      const timer = setTimeout(() => {
        reject(timeIsOver());
        call.cancel();
      }, leftMs);
    });
  }

  openWatchStream(token: string | null): EtcdStream {
    const client = this.#channels().host.getServiceClient("Watch");
    const { path, requestSerialize } = definitionOf<IWatchRequest, never>(client, "Watch");
    return rawClient(client).makeBidiStreamRequest(path, requestSerialize, readWatchAnswer, metadataOf(token));
  }

  close(): void {
    this.#open?.host.close();
    this.#open?.direct.close();
    this.#open = undefined;
  }

  #keyValues(): object {
    return this.#channels().host.getServiceClient("KV");
  }

  /** New certificates mean new connections; what goes on over the old ones goes on. */
  #channels(): { readonly host: Host; readonly direct: EtcdDirect } {
    const { channel, tls } = this.#credentials?.current() ?? withoutTls;
    if (this.#open?.credentials !== channel) {
      this.#open?.host.close();
      this.#open?.direct.leave();
      const host = new Host(this.endpoint, channel, channelOptionsFor(this.#host));
      this.#open = { credentials: channel, host, direct: new EtcdDirect(this.endpoint, tls) };
    }
    return this.#open;
  }
}

/** How messages of a method are written and read: the client's own, made of etcd's declarations. */
interface MethodDefinition<Request, Response> {
  readonly path: string;
  requestSerialize(request: Request): Buffer;
  responseDeserialize(message: Buffer): Response;
}

/** A call as it is sent, and what is made of its answer. */
interface RawCall<Answer> {
  /** Of the method. */
  readonly path: string;
  readonly message: Buffer;
  readonly read: (message: Buffer) => Answer;
}

function definitionOf<Request, Response>(client: object, name: string): MethodDefinition<Request, Response> {
  const { service } = client.constructor as unknown as {
    readonly service: Readonly<Record<string, MethodDefinition<Request, Response>>>;
  };
  const definition = service[name];
  if (!definition) throw new RangeError(`etcd has no method ${name}`);
  return definition;
}

const declaredNames = { compact: "Compact", authenticate: "Authenticate" } as const;

/** The client of any service makes calls to all of them: a method is its path. */
function rawClient(client: object): Pick<Client, "makeUnaryRequest" | "makeBidiStreamRequest"> {
  return client as Client;
}

function asItIs(message: Buffer): Buffer {
  return message;
}

const withoutTls: { readonly channel: ChannelCredentials; readonly tls: MadeCredentials["tls"] | null } = {
  channel: credentials.createInsecure(),
  tls: null,
};

const channelOptions = {
  // The default is 4 MiB, which some 6,000 endpoints pass.
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
};

/**
 * The client asks servers by their name for a certificate, and Node 26 refuses to do so where the name is an address
 * (RFC 6066 §3 has no addresses). It gets a name that is nobody's; the certificate is compared with the address.
 */
function channelOptionsFor(host: string) {
  return isIP(host) ? { ...channelOptions, "grpc.ssl_target_name_override": "etcd.invalid" } : channelOptions;
}

function metadataOf(token: string | null): Metadata {
  const metadata = new Metadata();
  // A member without a leader says so at once, and ends its streams.
  metadata.set("hasleader", "true");
  if (token !== null) metadata.set("token", token);
  return metadata;
}
