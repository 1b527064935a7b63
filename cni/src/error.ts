/** The numbers of the specification, "Well-known Error Codes"; 100 and more are a plugin's own. */
export const errorNumbers = {
  INCOMPATIBLE_VERSION: 1,
  UNSUPPORTED_FIELD: 2,
  INVALID_ENVIRONMENT: 4,
  IO: 5,
  DECODE: 6,
  INVALID_CONFIG: 7,
  /** Not in the list: the skeleton that plugins share answers so when the namespace cannot be opened. */
  INVALID_NETNS: 8,
  TRY_AGAIN_LATER: 11,
  NOT_AVAILABLE: 50,
  LIMITED_CONNECTIVITY: 51,
  NOT_SUPPORTED: 100,
  CONFLICT: 101,
  /** CHECK found something else than ADD promised. */
  NOT_AS_PROMISED: 102,
  INTERNAL: 999,
} as const;

export interface CniFailure {
  readonly code: keyof typeof errorNumbers;
  /** One sentence for the person who reads the runtime's log: what is wrong, and what to do. */
  readonly message: string;
  readonly details?: string;
}

/** The only error class of this workspace, and what a runtime is told. Callers switch on `failure.code`. */
export class CniError extends Error {
  override readonly name = "CniError";
  readonly failure: CniFailure;

  constructor(failure: CniFailure, options?: ErrorOptions) {
    super(failure.message, options);
    this.failure = failure;
  }
}
