/** What the network and TLS say, in words for people, and whether a request can have reached the server. */
import { StoreError } from "../../store/error.ts";

/** There was no connection to send anything over; `cause` says why. */
export class NotConnectedError extends Error {
  override readonly name = "NotConnectedError";

  constructor(cause: unknown) {
    super("not connected", { cause });
  }
}

export function isSurelyUndone(error: unknown): boolean {
  // A server that is going away names the streams that it did not look at.
  return error instanceof NotConnectedError || /REFUSED_STREAM|ERR_HTTP2_GOAWAY_SESSION/.test(describe(error));
}

export function explain(error: unknown, timeoutMs: number): string {
  if (error instanceof NotConnectedError) return explain(error.cause, timeoutMs);
  if (error instanceof StoreError) return error.message;
  const { name, code } = (error ?? {}) as { readonly name?: string; readonly code?: string };
  if (name === "TimeoutError" || name === "AbortError") return `no answer in ${timeoutMs} ms`;
  const known = code === undefined ? undefined : words[code];
  return known ?? (error instanceof Error ? error.message : String(error));
}

const words: { readonly [code: string]: string } = {
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "the connection was cut",
  ENOTFOUND: "the name is not known",
  EAI_AGAIN: "the name cannot be looked up now",
  EHOSTUNREACH: "there is no way to that host",
  ENETUNREACH: "there is no way to that network",
  ETIMEDOUT: "no connection in time",
  EPROTO: "the two ends speak no common TLS",
  ERR_HTTP2_ERROR: "it speaks no HTTP/2",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  CERT_HAS_EXPIRED: "its certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by nobody that we trust",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by nobody that we trust",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by nobody that we trust",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by nobody that we trust",
};

function describe(error: unknown): string {
  const { code, message } = (error ?? {}) as { readonly code?: string; readonly message?: string };
  return `${code ?? ""} ${message ?? ""}`;
}
