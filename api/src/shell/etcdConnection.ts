/**
 * Calls to etcd, each with a deadline and its failure as a `StoreError`. Of several endpoints one is used until it
 * fails. A transaction whose answer was lost is not sent twice, since the second would meet the first one's result and
 * call it a conflict.
 */
import type {
  IAuthenticateRequest,
  IAuthenticateResponse,
  ICompactionRequest,
  ICompactionResponse,
  IRangeRequest,
} from "etcd3";
import type { RangeAnswer } from "../grpc/rangeAnswer.ts";
import type { Transaction, TransactionAnswer } from "../grpc/transaction.ts";
import type { StoreError } from "../store/error.ts";
import type { EtcdTlsFiles } from "./etcdCredentials.ts";
import { isAuthenticationOff, isTokenLost, storeErrorOf, wasNeverSent } from "./etcdErrors.ts";
import { type EtcdCallOptions, EtcdMember, type EtcdStream } from "./etcdMember.ts";
import { misconfigured } from "./misconfigured.ts";

export interface EtcdConnectionOptions {
  /** `http://10.0.0.1:2379`; https for TLS. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTlsFiles;
  readonly user?: { readonly name: string; readonly password: string };
  /** How long one call may take; 5 s unless told. */
  readonly timeoutMs?: number;
}

type Ask<Answer> = (member: EtcdMember, options: EtcdCallOptions) => Promise<Answer>;

export class EtcdConnection {
  readonly timeoutMs: number;
  readonly #members: readonly EtcdMember[];
  readonly #user: EtcdConnectionOptions["user"];
  #current = 0;
  /** Asked for once for all that need it; `null` is the token of an etcd that asks for none. */
  #token: Promise<string | null> | undefined;

  /** Throws a `StoreError` for settings that cannot work. */
  constructor({ endpoints, tls = {}, user, timeoutMs = 5_000 }: EtcdConnectionOptions) {
    if (endpoints.length === 0) throw misconfigured("no etcd endpoint is given");
    this.#members = endpoints.map((endpoint) => new EtcdMember(checkedEndpoint(endpoint), tls));
    this.#user = user;
    this.timeoutMs = timeoutMs;
  }

  range(request: IRangeRequest): Promise<RangeAnswer> {
    return this.#call((member, options) => member.range(request, options), { isRepeatable: true });
  }

  transact(transaction: Transaction): Promise<TransactionAnswer> {
    return this.#call((member, options) => member.transact(transaction, options), { isRepeatable: false });
  }

  /** What is done twice is refused the second time, as compacted. */
  compact(request: ICompactionRequest): Promise<ICompactionResponse> {
    return this.#call((member, options) => member.call("compact", request, options), { isRepeatable: true });
  }

  /** Of one member and of no other: a stream is only as good as the member that it comes from. */
  async rangeAt(member: EtcdMember, request: IRangeRequest): Promise<RangeAnswer> {
    try {
      return await this.#send(member, (asked, options) => asked.range(request, options), this.timeoutMs);
    } catch (error) {
      throw this.failed(member, error);
    }
  }

  /** A stream has no deadline; its keepalives notice a connection that is dead. */
  async openWatchStream(): Promise<{ readonly stream: EtcdStream; readonly member: EtcdMember }> {
    const member = this.#member();
    try {
      return { stream: member.openWatchStream(await this.#tokenFor(member, this.timeoutMs)), member };
    } catch (error) {
      throw this.failed(member, error);
    }
  }

  /** What failed at a member, as a `StoreError`; if it is away, the next call goes to the next one. */
  failed(member: EtcdMember, error: unknown): StoreError {
    const failure = storeErrorOf(error, member.endpoint);
    const isLeft = failure.failure.code === "UNAVAILABLE" && member === this.#member();
    if (isLeft) this.#current = (this.#current + 1) % this.#members.length;
    if (failure.failure.code === "UNAUTHORIZED") this.#token = undefined;
    return failure;
  }

  close(): void {
    for (const member of this.#members) member.close();
  }

  async #call<Answer>(ask: Ask<Answer>, { isRepeatable }: { isRepeatable: boolean }): Promise<Answer> {
    const endMs = performance.now() + this.timeoutMs;
    for (let attempt = 1; ; attempt++) {
      const member = this.#member();
      try {
        return await this.#send(member, ask, endMs - performance.now());
      } catch (error) {
        const failure = this.failed(member, error);
        const mayRepeat = isRepeatable || wasNeverSent(error);
        const isAway = failure.failure.code === "UNAVAILABLE" && performance.now() < endMs;
        if (attempt >= this.#members.length || !mayRepeat || !isAway) throw failure;
      }
    }
  }

  /** A lost token is renewed once: one that is refused as soon as it was given says that we are. */
  async #send<Answer>(member: EtcdMember, ask: Ask<Answer>, timeoutMs: number): Promise<Answer> {
    const asked = this.#tokenFor(member, timeoutMs);
    const token = await asked;
    try {
      return await ask(member, { token, timeoutMs });
    } catch (error) {
      // etcd asks who we are before it does anything, so nothing was done.
      if (!this.#user || !isTokenLost(error)) throw error;
      if (this.#token === asked) this.#token = undefined;
      return ask(member, { token: await this.#tokenFor(member, timeoutMs), timeoutMs });
    }
  }

  #tokenFor(member: EtcdMember, timeoutMs: number): Promise<string | null> {
    if (!this.#user) return noToken;
    if (this.#token === undefined) {
      const asked = this.#authenticate(member, this.#user, timeoutMs);
      this.#token = asked;
      asked.catch(() => {
        if (this.#token === asked) this.#token = undefined;
      });
    }
    return this.#token;
  }

  async #authenticate(
    member: EtcdMember,
    user: NonNullable<EtcdConnectionOptions["user"]>,
    timeoutMs: number,
  ): Promise<string | null> {
    try {
      const { token } = await member.call<IAuthenticateRequest, IAuthenticateResponse>("authenticate", user, {
        token: null,
        timeoutMs,
      });
      return token;
    } catch (error) {
      if (isAuthenticationOff(error)) return null;
      throw error;
    }
  }

  #member(): EtcdMember {
    const member = this.#members[this.#current];
    if (member === undefined) throw new RangeError(`no endpoint ${this.#current}`);
    return member;
  }
}

const noToken: Promise<null> = Promise.resolve(null);

function checkedEndpoint(endpoint: string): string {
  const url = URL.parse(endpoint);
  const form = "write it as http://10.0.0.1:2379";
  if (!url) throw misconfigured(`an etcd endpoint${quoted(endpoint)} is no URL; ${form}`);
  const { protocol, username, password, host, pathname } = url;
  if (username || password) throw misconfigured(`the endpoint ${host} has a user in it; give the user as an option`);
  if (!/^https?:$/.test(protocol)) {
    throw misconfigured(`an etcd endpoint${quoted(endpoint)} begins with neither http:// nor https://; ${form}`);
  }
  if (pathname !== "/") throw misconfigured(`the endpoint ${endpoint} has a path; etcd has none`);
  // What a URL leaves out is not the port that gRPC would take.
  return `${protocol}//${url.port ? host : `${host}:${protocol === "https:" ? 443 : 80}`}`;
}

/** An address with a user in it is not repeated: the password would stand there too. */
function quoted(endpoint: string): string {
  return endpoint.includes("@") ? "" : ` "${endpoint}"`;
}
