/** The only error class of this workspace. Callers switch on `failure.code`, never on the message. */
export type PolicyFailure =
  /** The enforcer was closed while someone waited for it. */
  { readonly code: "CLOSED" };

export class PolicyError extends Error {
  override readonly name = "PolicyError";
  readonly failure: PolicyFailure;

  constructor(failure: PolicyFailure, options?: ErrorOptions) {
    super("policy is not enforced any more: the enforcer is closed", options);
    this.failure = failure;
  }
}
