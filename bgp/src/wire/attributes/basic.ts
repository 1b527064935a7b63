/** ORIGIN, NEXT_HOP, MULTI_EXIT_DISC, LOCAL_PREF, ATOMIC_AGGREGATE: RFC 4271 §5.1, faults by RFC 7606 §7.1 to §7.6. */
import { type Address, addressBytes } from "@brindle/net";
import type { Origin } from "../message.ts";
import { type AttributeCodec, optionalNonTransitive, wellKnown } from "./codec.ts";

const origins: readonly Origin[] = ["igp", "egp", "incomplete"];

export const origin: AttributeCodec<Origin> = {
  code: 1,
  name: "origin",
  flags: wellKnown,
  onMalformed: "withdrawRoutes",
  decode: (reader) => {
    const value = reader.u8();
    return origins[value] ?? reader.refuse(`origin ${value} is not defined`);
  },
  encode: (writer, value) => writer.u8(origins.indexOf(value)),
};

/** Of the NLRI field only; an MP_REACH_NLRI brings its own. */
export const nextHop: AttributeCodec<Address> = {
  code: 3,
  name: "nextHop",
  flags: wellKnown,
  onMalformed: "withdrawRoutes",
  decode: (reader) => {
    const address: Address = { family: 4, value: BigInt(reader.u32()) };
    const problem = nextHopProblem(address);
    return problem === null ? address : reader.refuse(problem);
  },
  encode: (writer, value) => writer.bytes(addressBytes(value)),
};

export const med: AttributeCodec<number> = {
  code: 4,
  name: "med",
  flags: optionalNonTransitive,
  onMalformed: "withdrawRoutes",
  decode: (reader) => reader.u32(),
  encode: (writer, value) => writer.u32(value),
};

export const localPref: AttributeCodec<number> = {
  code: 5,
  name: "localPref",
  flags: wellKnown,
  onMalformed: "withdrawRoutes",
  only: "internalPeers",
  decode: (reader) => reader.u32(),
  encode: (writer, value) => writer.u32(value),
};

export const atomicAggregate: AttributeCodec<true> = {
  code: 6,
  name: "atomicAggregate",
  flags: wellKnown,
  onMalformed: "discardAttribute",
  mayBeEmpty: true,
  decode: () => true,
  encode: () => {},
};

/**
 * Why no packet can be sent to this address, or `null`. RFC 4271 §6.3 wants a valid host address; whether it is ours
 * or out of reach is the RIB's question.
 */
export function nextHopProblem({ family, value }: Address): string | null {
  if (value === 0n) return "the next hop is the unspecified address";
  if (family === 6) {
    if (value === 1n) return "the next hop is the loopback address";
    return value >> 120n === 0xffn ? "the next hop is a multicast address" : null;
  }
  const firstOctet = Number(value >> 24n);
  if (firstOctet === 0) return "the next hop is in 0.0.0.0/8";
  if (firstOctet === 127) return "the next hop is a loopback address";
  return firstOctet >= 224 ? "the next hop is in 224.0.0.0/3, which holds no host" : null;
}
