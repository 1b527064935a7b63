/** What a failure of the world means to the person who typed the command, and what to do about it. */
import { StoreError } from "@brindle/api";
import { ControlError } from "@brindle/net";
import { CliError } from "./error.ts";

export interface DescribedFailure {
  readonly text: string;
  readonly exitCode: 1 | 2;
}

/** `null` for what is a bug of ours. */
export function describeFailure(error: unknown): DescribedFailure | null {
  if (error instanceof CliError) return { text: error.failure.text, exitCode: error.failure.code === "USAGE" ? 2 : 1 };
  if (error instanceof StoreError) {
    return { text: describeStore(error), exitCode: error.failure.code === "MISCONFIGURED" ? 2 : 1 };
  }
  if (error instanceof ControlError) return { text: describeControl(error), exitCode: 1 };
  return null;
}

function describeStore({ failure }: StoreError): string {
  switch (failure.code) {
    case "UNAVAILABLE":
      return `the datastore is away: ${failure.reason}; start it, or say which with --etcd or --kubeconfig`;
    case "UNAUTHORIZED":
      return (
        `the datastore refuses us: ${failure.reason}; ` +
        "check the user of the kubeconfig, or of etcd ETCD_USERNAME, ETCD_PASSWORD and the files in ETCD_*_FILE"
      );
    case "COMPACTED":
      return `${failure.reason}; try again`;
    case "MISCONFIGURED":
    case "REFUSED":
      return failure.reason;
    case "UNDECODABLE":
      return `${failure.key} cannot be read: ${failure.reason}`;
  }
}

/** What only an agent knows is asked at it: a kubeconfig leads to the datastore. */
const atTheAgent =
  "in Kubernetes an agent is asked in its Pod: kubectl exec -n brindle-system POD -c agent -- brindlectl ..., " +
  "the POD of a node by kubectl get pods -n brindle-system -o wide";

function describeControl({ code, message }: ControlError): string {
  return code === "NOT_LISTENING" ? `${message} (--socket); ${atTheAgent}` : message;
}
