/** The one error class of this workspace: failures of the world and of what it is told, never of a peer. */

export type BgpFailure =
  | { readonly code: "CONFIG_INVALID"; readonly field: string; readonly reason: string }
  | { readonly code: "LISTEN_FAILED"; readonly address: string; readonly port: number; readonly reason: string }
  /** A password, hops or BFD were asked for, and `koffi`, which sets them, is not installed or not for this machine. */
  | { readonly code: "NO_SOCKET_OPTIONS" }
  /** Of the daemon: a file that says something else than it may, each problem with its place. */
  | { readonly code: "FILE_INVALID"; readonly file: string; readonly problems: readonly string[] }
  /** Of the daemon: whoever reads the file did not come to its end. */
  | { readonly code: "FILE_NOT_READ"; readonly file: string; readonly reason: string }
  | { readonly code: "STOPPED" }
  | { readonly code: "THREAD_DIED"; readonly reason: string };

/** Callers switch on `failure.code`, never on the message. */
export class BgpError extends Error {
  override readonly name = "BgpError";
  readonly failure: BgpFailure;

  constructor(failure: BgpFailure, options?: ErrorOptions) {
    super(describe(failure), options);
    this.failure = failure;
  }
}

function describe(failure: BgpFailure): string {
  switch (failure.code) {
    case "CONFIG_INVALID":
      return `${failure.field}: ${failure.reason}`;
    case "LISTEN_FAILED":
      return `cannot listen on ${failure.address} port ${failure.port}: ${failure.reason}`;
    case "NO_SOCKET_OPTIONS":
      return "passwords, ttlSecurity and bfd need the npm package koffi, which is not installed here";
    case "FILE_INVALID":
      return failure.problems.map((problem) => `${failure.file}: ${problem}`).join("\n");
    case "FILE_NOT_READ":
      return `${failure.file}: cannot be read: ${failure.reason}`;
    case "STOPPED":
      return "the speaker has been stopped";
    case "THREAD_DIED":
      return `the speaker's thread ended: ${failure.reason}`;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
