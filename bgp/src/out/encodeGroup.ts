/** What a peer is to hear, as messages. */

import { encodeMessage } from "../wire/codec.ts";
import type { EncodeContext } from "../wire/contract.ts";
import { encodeUpdates } from "../wire/updateEncoder.ts";
import type { OutGroup } from "./adjRibOut.ts";

/** All messages in one piece: a write for each would cost more than making them. */
export function encodeGroups(groups: readonly OutGroup[], context: EncodeContext): Uint8Array {
  return joined(groups.flatMap((group) => encodeGroup(group, context)));
}

function encodeGroup(group: OutGroup, context: EncodeContext): Uint8Array[] {
  switch (group.type) {
    case "withdraw":
      return encodeUpdates({ withdrawn: [group.prefixes], announced: [], attributes: null }, context);
    case "announce": {
      const { prefixes, nextHop, attributes } = group;
      return encodeUpdates({ withdrawn: [], announced: [{ prefixes, nextHop }], attributes }, context);
    }
    case "endOfRefresh":
      return [encodeMessage({ type: "routeRefresh", family: group.family, demarcation: "end" }, context)];
    case "endOfRib": {
      const nothing = { withdrawn: [], announced: [], attributes: null, faults: [] };
      return [encodeMessage({ type: "update", ...nothing, endOfRib: group.family }, context)];
    }
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
