/** What a runtime is told where a pod cannot be wired. */
import { CniError, type CniFailure } from "@brindle/cni";
import { AgentError, type AgentFailure } from "../error.ts";

const codes: Partial<Record<AgentFailure["code"], CniFailure["code"]>> = {
  UNUSABLE_NAMESPACE: "INVALID_NETNS",
  INTERFACE_GONE: "TRY_AGAIN_LATER",
};

/** Others as they are. The wiring itself has no word of CNI's: its thread would load all that the plugin knows of resources. */
export function toldRuntime(error: unknown): unknown {
  if (!(error instanceof AgentError)) return error;
  const code = codes[error.failure.code];
  return code ? new CniError({ code, message: error.failure.reason }, { cause: error }) : error;
}
