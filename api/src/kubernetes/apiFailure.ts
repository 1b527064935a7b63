/** What the API server means when it says no: from the status of an answer, or an ERROR event, to what can be done. */
import { type JsonValue, parseJson } from "../json/json.ts";

export interface ApiFailure {
  readonly code: /** The version or the page that was asked for is forgotten. */
    | "EXPIRED"
    | "NOT_FOUND"
    /** The server has no such kind. */
    | "NOT_INSTALLED"
    | "ALREADY_EXISTS"
    | "CONFLICT"
    | "UNAUTHORIZED"
    | "FORBIDDEN"
    /** It will never do this as it was asked. */
    | "INVALID"
    /** It did nothing, and says when to come again. */
    | "THROTTLED"
    | "UNAVAILABLE";
  readonly reason: string;
  /** The number that the server answered with; absent where nothing came. */
  readonly status?: number;
  /** Which kind of object is missing; a namespace, where something was to be created in it. */
  readonly missing?: string;
  readonly retryAfterMs?: number;
  /** The server has only begun to serve this kind, which takes it some tens of milliseconds. */
  readonly isBeginning?: true;
}

/** A request as a person would name it. */
export interface Request {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";
  /** `ippools.projectcalico.org`, `nodes/status` */
  readonly resource: string;
}

interface Status {
  readonly message: string;
  readonly reason: string;
  readonly missing: string | undefined;
  readonly retryAfterMs: number | undefined;
}

/** `body` is the answer's, a `Status` in JSON or plain text; `retryAfter` the header's seconds. */
export function apiFailureOf(
  request: Request,
  answer: { readonly status: number; readonly body: string; readonly retryAfter?: string | undefined },
): ApiFailure {
  const status = statusOf(answer.body);
  const seconds = Number(answer.retryAfter);
  const askedMs = answer.retryAfter !== undefined && seconds >= 0 ? seconds * 1_000 : status.retryAfterMs;
  const isBeginning = answer.status === 429 && isUnfilledCache(status.message) && askedMs === shortestRetryAfterMs;
  const retryAfterMs = isBeginning ? undefined : askedMs;
  return {
    code: codeOf(answer.status, status),
    reason: reasonOf(request, answer.status, status),
    status: answer.status,
    ...(status.missing !== undefined && { missing: status.missing }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(isBeginning && { isBeginning }),
  };
}

/**
 * What a kube-apiserver answers to a list or a watch of a kind whose cache it is filling (storage/cacher): of a CRD that
 * was made just now, or of all kinds when it starts. It asks for a second at least, and for more the longer that lasts.
 */
function isUnfilledCache(message: string): boolean {
  return message.includes("storage is (re)initializing");
}

const shortestRetryAfterMs = 1_000;

export function unavailable(reason: string): ApiFailure {
  return { code: "UNAVAILABLE", reason };
}

function codeOf(code: number, status: Status): ApiFailure["code"] {
  switch (code) {
    case 410:
      return "EXPIRED";
    case 404:
      // For an object that is missing the server names it; for a kind that it does not know it names nothing.
      return status.missing === undefined ? "NOT_INSTALLED" : "NOT_FOUND";
    case 409:
      return status.reason === "AlreadyExists" ? "ALREADY_EXISTS" : "CONFLICT";
    case 401:
      return "UNAUTHORIZED";
    case 403:
      return "FORBIDDEN";
    case 429:
      return "THROTTLED";
    default:
      if (status.reason === "Expired" || status.reason === "Gone") return "EXPIRED";
      return code >= 400 && code < 500 ? "INVALID" : "UNAVAILABLE";
  }
}

function reasonOf({ verb, resource }: Request, code: number, { message }: Status): string {
  const said = message === "" ? "" : `: ${message}`;
  switch (code) {
    case 401:
      return "the API server does not accept our credentials";
    case 403:
      return `a role with the verb ${verb} on ${resource} is missing${said}`;
    case 404:
      return `${resource}${said === "" ? ": no such thing" : said}`;
    case 410:
      return "the API server has forgotten the version that was asked for";
    default:
      return `the API server answers ${verb} ${resource} with ${code}${said}`;
  }
}

function statusOf(body: string): Status {
  const status = parsed(body);
  const details = member(status, "details");
  const name = member(details, "name");
  const kind = member(details, "kind");
  const seconds = member(details, "retryAfterSeconds");
  const message = member(status, "message");
  const reason = member(status, "reason");
  return {
    message: typeof message === "string" ? message : "",
    reason: typeof reason === "string" ? reason : "",
    missing: typeof name === "string" && name !== "" ? String(kind ?? "") : undefined,
    retryAfterMs: typeof seconds === "number" ? seconds * 1_000 : undefined,
  };
}

function parsed(body: string): JsonValue {
  try {
    return parseJson(body);
  } catch {
    return null; // A proxy's page, or "404 page not found".
  }
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return (value as { readonly [name: string]: JsonValue })[name];
}
