import { parseCidr } from "@brindle/net";
import { text } from "./fields.ts";
import { type KindDefinition, nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, field, object, optional, set } from "./schema.ts";

export interface IPReservationSpec {
  /** Host bits may be set; the whole network is meant. */
  readonly reservedCIDRs?: readonly string[];
}

export type IPReservation = Resource<"IPReservation", IPReservationSpec>;

const network = checked(text, (value) =>
  parseCidr(value) ? null : "is no network, like 10.0.0.0/28; write /32 or /128 for one address",
);

export const ipReservationKind: KindDefinition<IPReservation> = {
  apiVersion,
  kind: "IPReservation",
  plural: "ipreservations",
  description: "Addresses that no pod is given unless it asks for one of them; those in use already stay.",
  aliases: [],
  namespaced: false,
  spec: object<IPReservationSpec>({
    reservedCIDRs: optional(field(set(network), "The networks, of either family. They need not be in a pool.")),
  }),
  unsupported: [],
  withDefaults: (reservation) => reservation,
  columns: [nameColumn],
  wideColumns: [
    nameColumn,
    { header: "CIDRS", jsonPath: ".spec.reservedCIDRs", cell: ({ spec }) => (spec.reservedCIDRs ?? []).join(",") },
  ],
};
