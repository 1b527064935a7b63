export type AgentFailure =
  /** The node has no address that it could be known by. */
  | { readonly code: "NO_NODE_ADDRESS"; readonly reason: string }
  /** Kubernetes does not know the node yet: its kubelet makes it. */
  | { readonly code: "NODE_MISSING"; readonly reason: string }
  /** The datastore does not take what this node says of itself. */
  | { readonly code: "REGISTRATION_REFUSED"; readonly reason: string }
  /** The machine lacks something that the agent needs. */
  | { readonly code: "UNSUITABLE_MACHINE"; readonly reason: string }
  /** What a runtime names is no network namespace of a container. */
  | { readonly code: "UNUSABLE_NAMESPACE"; readonly reason: string }
  /** Somebody took an interface away while it was set up. */
  | { readonly code: "INTERFACE_GONE"; readonly reason: string };

/** The only error class of this workspace. Callers switch on `failure.code`, never on the message. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly failure: AgentFailure;

  constructor(failure: AgentFailure, options?: ErrorOptions) {
    super(failure.reason, options);
    this.failure = failure;
  }
}

/** For the health of a part and for the log: what is caught may be anything. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
