/**
 * Of a reservation that does not decode, what can be read still holds: one network that is misspelt must not set free the
 * gateway's address beside it.
 */
import { type IPReservation, ipReservationKind, type JsonValue, type Key } from "@brindle/api";
import { parseCidr } from "@brindle/net";

/** `null` where nothing of it can be read. */
export function readableReservation(key: Key, partial: JsonValue | undefined): IPReservation | null {
  const listed = member(member(partial, "spec"), "reservedCIDRs");
  if (!Array.isArray(listed)) return null;
  const { apiVersion, kind } = ipReservationKind;
  const reservedCIDRs = listed.filter((net) => typeof net === "string").filter((net) => parseCidr(net) !== null);
  return { apiVersion, kind, metadata: { name: key.name }, spec: { reservedCIDRs } };
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return (value as Readonly<Record<string, JsonValue>>)[name];
}
