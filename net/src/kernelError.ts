/**
 * The only error class of this workspace. Callers switch on `failure.code`, never on the message: the message is for
 * people and carries the kernel's own words.
 */

/** What the kernel answered, by meaning. `errnoTable` says which errno has which. */
export type RefusalCode =
  | "EXISTS"
  | "NOT_FOUND"
  | "BUSY"
  | "UNREACHABLE"
  | "INVALID"
  | "NOT_SUPPORTED"
  | "DENIED"
  | "NO_RESOURCES"
  | "REFUSED";

/** The kernel took a request and said no. */
export interface Refusal {
  readonly code: RefusalCode;
  /** What was asked for, in words: "replace route 10.0.0.0/8 …". */
  readonly object: string;
  readonly errno: number;
  /** The symbolic name of the errno, as in "EEXIST". */
  readonly name: string;
  /** The kernel's own explanation when it gave one (extended acks), else what the errno means. */
  readonly text: string;
  /** Offset of the attribute that the kernel objects to, from the start of the request's netlink header. */
  readonly offset?: number;
}

export type KernelFailure =
  | Refusal
  | { readonly code: "TIMEOUT"; readonly object: string; readonly timeoutMs: number }
  /** A dump was interrupted by changes each time it was tried. */
  | { readonly code: "INTERRUPTED"; readonly object: string; readonly attempts: number }
  /** The socket's receive buffer overflowed: the request may or may not have been carried out. */
  | { readonly code: "OVERRUN"; readonly object: string }
  | { readonly code: "CLOSED"; readonly object: string }
  | { readonly code: "MALFORMED"; readonly object: string }
  | {
      readonly code: "COMMAND_FAILED";
      readonly command: string;
      /** `null` when a signal ended it or it did not start. */
      readonly exitCode: number | null;
      readonly stderr: string;
      /** The line of its input that the command objects to. */
      readonly line?: string;
    };

export class KernelError extends Error {
  override readonly name = "KernelError";
  readonly failure: KernelFailure;

  constructor(failure: KernelFailure, options?: ErrorOptions) {
    super(describeFailure(failure), options);
    this.failure = failure;
  }
}

/** Whether an error is a `KernelError` of one of these codes: `isKernelError(error, "NOT_FOUND")`. */
export function isKernelError(error: unknown, ...codes: KernelFailure["code"][]): error is KernelError {
  return error instanceof KernelError && (codes.length === 0 || codes.includes(error.failure.code));
}

/** The refusal that an errno stands for. */
export function refusal(errno: number, object: string, said: { text?: string; offset?: number } = {}): Refusal {
  const row = errnoTable[errno] ?? { name: `errno ${errno}`, code: "REFUSED", text: `error ${errno}` };
  const { code, name } = row;
  const text = said.text ?? row.text;
  return { code, object, errno, name, text, ...(said.offset === undefined ? {} : { offset: said.offset }) };
}

function describeFailure(failure: KernelFailure): string {
  switch (failure.code) {
    case "TIMEOUT":
      return `${failure.object}: the kernel did not answer within ${failure.timeoutMs} ms`;
    case "INTERRUPTED":
      return `${failure.object}: changed while it was read, ${failure.attempts} times in a row`;
    case "OVERRUN":
      return `${failure.object}: the answer was lost because the receive buffer was full`;
    case "CLOSED":
      return `${failure.object}: the socket is closed`;
    case "MALFORMED":
      return `${failure.object}: the kernel's answer does not parse`;
    case "COMMAND_FAILED": {
      const end = failure.exitCode === null ? "did not run to its end" : `ended with exit code ${failure.exitCode}`;
      const line = failure.line === undefined ? "" : `, at the line ${JSON.stringify(failure.line)}`;
      return `${failure.command} ${end}${line}: ${failure.stderr.trim()}`;
    }
    default:
      return `${failure.object}: ${failure.text} (${failure.name})`;
  }
}

/** asm-generic/errno-base.h and errno.h: the numbers of every architecture that Kubernetes runs on. */
const errnoTable: Readonly<Record<number, { name: string; code: RefusalCode; text: string }>> = {
  1: { name: "EPERM", code: "DENIED", text: "operation not permitted" },
  2: { name: "ENOENT", code: "NOT_FOUND", text: "no such object" },
  3: { name: "ESRCH", code: "NOT_FOUND", text: "no such route or process" },
  6: { name: "ENXIO", code: "NOT_FOUND", text: "no such device or address" },
  7: { name: "E2BIG", code: "INVALID", text: "too big" },
  11: { name: "EAGAIN", code: "BUSY", text: "try again" },
  12: { name: "ENOMEM", code: "NO_RESOURCES", text: "out of memory" },
  13: { name: "EACCES", code: "DENIED", text: "permission denied" },
  16: { name: "EBUSY", code: "BUSY", text: "device or resource busy" },
  17: { name: "EEXIST", code: "EXISTS", text: "already exists" },
  19: { name: "ENODEV", code: "NOT_FOUND", text: "no such device" },
  22: { name: "EINVAL", code: "INVALID", text: "invalid argument" },
  28: { name: "ENOSPC", code: "NO_RESOURCES", text: "no space left" },
  30: { name: "EROFS", code: "DENIED", text: "read-only file system" },
  34: { name: "ERANGE", code: "INVALID", text: "value out of range" },
  36: { name: "ENAMETOOLONG", code: "INVALID", text: "name too long" },
  38: { name: "ENOSYS", code: "NOT_SUPPORTED", text: "not implemented by this kernel" },
  90: { name: "EMSGSIZE", code: "INVALID", text: "message too long" },
  92: { name: "ENOPROTOOPT", code: "NOT_SUPPORTED", text: "protocol not available" },
  93: { name: "EPROTONOSUPPORT", code: "NOT_SUPPORTED", text: "protocol not supported" },
  95: { name: "EOPNOTSUPP", code: "NOT_SUPPORTED", text: "operation not supported" },
  97: { name: "EAFNOSUPPORT", code: "NOT_SUPPORTED", text: "address family not supported" },
  98: { name: "EADDRINUSE", code: "EXISTS", text: "address already in use" },
  99: { name: "EADDRNOTAVAIL", code: "NOT_FOUND", text: "no such address" },
  100: { name: "ENETDOWN", code: "UNREACHABLE", text: "network is down" },
  101: { name: "ENETUNREACH", code: "UNREACHABLE", text: "network is unreachable" },
  105: { name: "ENOBUFS", code: "NO_RESOURCES", text: "no buffer space" },
  113: { name: "EHOSTUNREACH", code: "UNREACHABLE", text: "no route to host" },
};
