/** What an AgentConfiguration says of policy. */
import type * as z from "zod";
import { durationWithin, flag, integer, oneOf } from "../fields.ts";
import { field, object, optional } from "../schema.ts";

export interface AgentPolicySettings {
  readonly killEstablishedOnDeny?: boolean;
  readonly readyTimeout?: string;
  readonly deniedFlows?: DeniedFlowsSettings;
}

export interface DeniedFlowsSettings {
  readonly mode?: "Enabled" | "Disabled";
  /** Of one node. */
  readonly perSecond?: number;
}

export const agentPolicy: z.ZodType<AgentPolicySettings> = object<AgentPolicySettings>({
  killEstablishedOnDeny: optional(
    field(
      flag,
      "A change of policy that denies a connection ends it, if it is open. Where left out, it stands until one end closes it.",
    ),
  ),
  readyTimeout: optional(
    field(
      durationWithin("1s", "5m"),
      "How long a new pod waits until its policy is in force; then it is not started. Where left out: 20s.",
    ),
  ),
  deniedFlows: optional(
    field(
      object<DeniedFlowsSettings>({
        mode: optional(field(oneOf("Enabled", "Disabled"), "Whether they are told. Where left out: Enabled.")),
        perSecond: optional(
          field(integer(1, 100_000), "How many a node tells in a second; more are counted. Where left out: 100."),
        ),
      }),
      "Whether flows that policy denies are told to who watches, with the rule that denied them.",
    ),
  ),
});
