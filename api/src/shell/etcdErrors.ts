/** What etcd and its client say when something fails, in our words. No text of theirs holds a user or a password. */
import {
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdPermissionDeniedError,
  GRPCCancelledError,
  GRPCDeadlineExceededError,
  GRPCUnauthenticatedError,
} from "etcd3";
import { StoreError } from "../store/error.ts";

export interface Call {
  readonly endpoint: string;
  readonly timeoutMs: number;
}

export function storeErrorOf(error: unknown, { endpoint, timeoutMs }: Call): StoreError {
  if (error instanceof StoreError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (text.includes("required revision has been compacted")) return compacted();
  if (isAboutIdentity(error, text)) {
    return new StoreError({ code: "UNAUTHORIZED", reason: `etcd at ${endpoint}: ${plain(text)}` }, { cause: error });
  }
  if (/request is too large|too many operations|duplicate key given/.test(text)) {
    return new StoreError({ code: "REFUSED", reason: `etcd at ${endpoint}: ${plain(text)}` }, { cause: error });
  }
  const reason = isSilence(error)
    ? `no answer from etcd at ${endpoint} in ${timeoutMs} ms`
    : `etcd at ${endpoint}: ${plain(text)}`;
  return new StoreError({ code: "UNAVAILABLE", reason }, { cause: error });
}

/** Not a failure of the store, but a reason to list anew. */
export function compacted(): StoreError {
  return new StoreError({ code: "COMPACTED", reason: "etcd has forgotten the revision that was asked for" });
}

/** The client says so only while it had no connection: the request was never sent, so another endpoint may have it. */
export function wasNeverSent(error: unknown): boolean {
  return error instanceof Error && /No connection established|ECONNREFUSED|Name resolution failed/.test(error.message);
}

function isAboutIdentity(error: unknown, text: string): boolean {
  return (
    error instanceof EtcdAuthenticationFailedError ||
    error instanceof EtcdInvalidAuthTokenError ||
    error instanceof EtcdPermissionDeniedError ||
    error instanceof GRPCUnauthenticatedError ||
    /user name is empty|authentication is not enabled|certificate/.test(text)
  );
}

function isSilence(error: unknown): boolean {
  return error instanceof GRPCDeadlineExceededError || error instanceof GRPCCancelledError;
}

/** `14 UNAVAILABLE: etcdserver: no leader` is `no leader` to a person. */
function plain(text: string): string {
  return text
    .replace(/^\w*Error: /, "")
    .replace(/^\d+ [A-Z_]+: /, "")
    .replace(/^etcdserver: /, "");
}
