/**
 * What address management goes by where something is stored that does not decode: what can be read of it, else what was known, else
 * what gives away nothing that somebody may have meant to keep.
 */
import {
  apiVersion,
  type IPAMConfig,
  type IPAMConfiguration,
  type IPReservation,
  ipamConfigOf,
  ipamConfigurationOf,
  ipReservationKind,
  isRecord,
  type JsonValue,
  type Key,
  type Undecodable,
} from "@brindle/api";
import type { Mistake } from "../node/mistakes.ts";
import { type ClusterState, isKeyOf } from "./clusterState.ts";
import { readableReservation } from "./readableReservation.ts";

/** What is acted on of an object that does not decode; `null` of kinds that address management does not go by. */
export function ipamInDoubt({ key, partial }: Undecodable, state: ClusterState): unknown {
  if (isKeyOf(key, "IPReservation")) return reservationInDoubt(key, partial, state.get(key) ?? null);
  if (isKeyOf(key, "IPAMConfig")) return ipamConfigInDoubt(state.get(key) ?? null);
  if (isKeyOf(key, "IPAMConfiguration")) return ipamConfigurationInDoubt(key, state.get(key) ?? null);
  return null;
}

/** All is reserved by one of which nothing was ever known: any address may be a gateway's. A spec without a list reserves nothing. */
function reservationInDoubt(
  key: Key<"IPReservation">,
  partial: JsonValue | undefined,
  known: IPReservation | null,
): IPReservation {
  const readable = readableReservation(key, partial);
  if (readable) return readable;
  const isEmpty = isRecord(partial) && isRecord(partial.spec) && partial.spec.reservedCIDRs === undefined;
  if (!isEmpty && known) return known;
  const { kind } = ipReservationKind;
  const spec = isEmpty ? {} : { reservedCIDRs: everything };
  return { apiVersion, kind, metadata: { name: key.name }, spec };
}

/** Those by which nobody gets an address who does not ask for it. */
export function reservationMistakes(state: ClusterState, unreadable: ReadonlyMap<string, string>): Mistake[] {
  return [...state.all("IPReservation")].flatMap(([name, { spec }]): Mistake[] => {
    const object = `IPReservation ${name}`;
    const reason = spec.reservedCIDRs === everything ? unreadable.get(object) : undefined;
    return reason === undefined ? [] : [{ code: "ReservationUnreadable", text: `${object}: ${reason}` }];
  });
}

const everything: readonly string[] = ["0.0.0.0/0", "::/0"];

/** Nodes that were told nothing use none but their own blocks, and what was given back rests until that can be read. */
function ipamConfigInDoubt(known: IPAMConfig | null): IPAMConfig {
  return known ?? unknownConfig;
}

function ipamConfigurationInDoubt(
  { name }: Key<"IPAMConfiguration">,
  known: IPAMConfiguration | null,
): IPAMConfiguration {
  const spec = ipamConfigurationOf(unknownConfig);
  return known ?? { apiVersion, kind: "IPAMConfiguration", metadata: { name }, spec };
}

const unknownConfig: IPAMConfig = {
  ...ipamConfigOf({ strictAffinity: true }),
  ipCooldownSeconds: Number.POSITIVE_INFINITY,
};
