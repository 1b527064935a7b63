/** What an AgentConfiguration says of addresses: the collection of those that nobody holds, and those that stay with a pod. */
import type * as z from "zod";
import { durationWithin, oneOf } from "../fields.ts";
import { field, object, optional } from "../schema.ts";

export interface AgentIpamSettings {
  readonly collection?: AddressCollection;
  readonly stickyAddresses?: "Enabled" | "Disabled";
}

export interface AddressCollection {
  readonly mode?: "Enabled" | "DryRun" | "Disabled";
  readonly period?: string;
  /** Between the two looks at an address that nobody holds. */
  readonly quarantine?: string;
}

export const agentIpam: z.ZodType<AgentIpamSettings> = object<AgentIpamSettings>({
  collection: optional(
    field(
      object<AddressCollection>({
        mode: optional(
          field(
            oneOf("Enabled", "DryRun", "Disabled"),
            "Whether such addresses are taken back, or only told. Where left out: Enabled.",
          ),
        ),
        period: optional(field(durationWithin("10s", "24h"), "How often it is looked for them. Where left out: 5m0s.")),
        quarantine: optional(
          field(
            durationWithin("10s", "168h"),
            "How long an address must have been without a holder before it is taken back. Where left out: 15m0s.",
          ),
        ),
      }),
      "What becomes of addresses that nobody holds any more.",
    ),
  ),
  stickyAddresses: optional(
    field(
      oneOf("Enabled", "Disabled"),
      "Whether pods of a StatefulSet may ask, by annotation, for the same address again. Where left out: Enabled.",
    ),
  ),
});
