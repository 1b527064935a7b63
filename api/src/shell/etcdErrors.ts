/** What etcd and gRPC say when something fails, in our words. No text of theirs holds a user or a password. */
import { status } from "@grpc/grpc-js";
import { StoreError } from "../store/error.ts";

export function storeErrorOf(error: unknown, endpoint: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code, details } = statusOf(error);
  if (details.includes("required revision has been compacted")) return compacted();
  const reason = `etcd at ${endpoint}: ${tlsWords(details) ?? plain(details)}`;
  return new StoreError({ code: failureCodeOf(code, details), reason }, { cause: error });
}

/** Not a failure of the store, but a reason to list anew. */
export function compacted(): StoreError {
  return new StoreError({ code: "COMPACTED", reason: "etcd has forgotten the revision that was asked for" });
}

export function unavailable(reason: string): StoreError {
  return new StoreError({ code: "UNAVAILABLE", reason });
}

/** gRPC says so only while it had no connection: the request was never sent, so another endpoint may have it. */
export function wasNeverSent(error: unknown): boolean {
  return /^(No connection established|Name resolution failed|Channel closed before call started)/.test(
    statusOf(error).details,
  );
}

/**
 * Whether another token may help. etcd forgets tokens after a while and at a restart, and distrusts all of them when a
 * user or a role changes; it misses one altogether when it was given to nobody.
 */
export function isTokenLost(error: unknown): boolean {
  const { code, details } = statusOf(error);
  return code === status.UNAUTHENTICATED || /invalid auth token|auth store is old|user name is empty/.test(details);
}

/** Whoever has a user for an etcd that asks for none may go on without. */
export function isAuthenticationOff(error: unknown): boolean {
  return statusOf(error).details.includes("authentication is not enabled");
}

interface Status {
  readonly code: number | undefined;
  readonly details: string;
}

function statusOf(error: unknown): Status {
  if (!(error instanceof Error)) return { code: undefined, details: String(error) };
  const { code, details } = error as Partial<Status>;
  return { code, details: details ?? error.message };
}

function failureCodeOf(code: number | undefined, details: string): "UNAUTHORIZED" | "REFUSED" | "UNAVAILABLE" {
  const isAboutIdentity = code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED;
  if (isAboutIdentity || aboutIdentity.test(details)) return "UNAUTHORIZED";
  return neverDone.test(details) ? "REFUSED" : "UNAVAILABLE";
}

const aboutIdentity = /authentication failed|user name is empty|permission denied|invalid auth token|certificate/;
const neverDone = /request is too large|larger than max|too many operations|duplicate key given/;

/** What OpenSSL and Node say of a handshake, with what to look at; of others' alerts RFC 8446 §6.2 has the numbers. */
const handshakes: readonly { readonly said: RegExp; readonly words: string }[] = [
  {
    said: /unable to (?:verify|get)[^;]*certificate|self[- ]signed certificate/,
    words: "its certificate is of another authority than the one that we were given (ETCD_CA_CERT_FILE)",
  },
  {
    said: /SSL alert number (?:42|43|46|48|116)\b/,
    words: "it does not accept our certificate, or wants one (ETCD_CERT_FILE, ETCD_KEY_FILE)",
  },
  { said: /SSL alert number 45\b/, words: "our certificate has expired (ETCD_CERT_FILE)" },
  { said: /CERT_HAS_EXPIRED|certificate has expired/, words: "its certificate has expired" },
  {
    said: /ERR_TLS_CERT_ALTNAME_INVALID/,
    words: "its certificate does not name this address: write one that it names in ETCD_ENDPOINTS",
  },
  {
    said: /disconnected before secure TLS connection|wrong version number/,
    words: "it does not speak TLS; perhaps the endpoint is http:// and not https://",
  },
];

function tlsWords(details: string): string | undefined {
  return handshakes.find(({ said }) => said.test(details))?.words;
}

/**
 * `etcdserver: no leader` is `no leader` to a person, and of what gRPC says of a connection that it did not get only
 * the last error is about the world.
 */
function plain(details: string): string {
  return details
    .replace(/^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note:.*$/s, "$1")
    .replace(/\s*\(\d{4}-\d\d-\d\dT[\d:.]+Z\)\s*$/, "") // When it was: else the same trouble were news each time.
    .replace(/^rpc error: code = \w+ desc = /, "")
    .replace(/^etcdserver: /, "");
}
