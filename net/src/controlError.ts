/** What goes wrong on the way to a control interface; handlers add codes of their own. */
export type ControlTransportCode =
  /** Nobody serves the socket. */
  | "NOT_LISTENING"
  /** A living process serves the path that a server wanted. */
  | "IN_USE"
  | "DENIED"
  | "TIMEOUT"
  | "UNKNOWN_METHOD"
  | "BAD_REQUEST"
  | "TOO_LARGE"
  /** The handler failed in a way that it did not foresee; its log says how. */
  | "INTERNAL"
  /** The other end does not speak this protocol, or went away in the middle. */
  | "BROKEN";

/**
 * A call of a control interface that failed. Beside `KernelError` since it crosses processes: a handler throws it at one
 * end, and the caller catches it at the other, with the same code and message.
 */
export class ControlError extends Error {
  override readonly name = "ControlError";
  readonly code: ControlTransportCode | (string & {});

  constructor(code: ControlTransportCode | (string & {}), message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
