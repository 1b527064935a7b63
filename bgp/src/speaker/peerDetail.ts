/** All that is known of one peer: what the two sides offered and agreed on, beside its status. */
import { isDeepStrictEqual } from "node:util";
import type { CapabilityStatus, PeerDetail } from "../control.ts";
import type { Capability } from "../wire/message.ts";
import type { PeerSession } from "./peerSession.ts";

/** What the two sides of a session said and came to; nothing while there is none. */
export function agreedStatus(session: PeerSession | null): Pick<PeerDetail, "capabilities" | "negotiated"> {
  const theirs = session?.state.phase === "established" ? session.state.open.capabilities : null;
  return {
    capabilities: session ? capabilityRows(session.offered, theirs) : [],
    negotiated: session?.negotiated ? { ...session.negotiated } : null,
  };
}

/** A row for each capability that either side has, ours first. */
export function capabilityRows(ours: readonly Capability[], theirs: readonly Capability[] | null): CapabilityStatus[] {
  const rows = ours.map((capability): CapabilityStatus => {
    const their = theirs?.find((other) => matches(capability, other));
    return rowOf(capability, { us: capability, peer: their });
  });
  const only = (theirs ?? []).filter((their) => !ours.some((capability) => matches(capability, their)));
  return [...rows, ...only.map((their) => rowOf(their, { us: undefined, peer: their }))];
}

/** Several of one kind differ by what they are about: a family each. */
function matches(a: Capability, b: Capability): boolean {
  if (a.code !== b.code || a.name !== b.name) return false;
  return a.name !== "multiprotocol" || isDeepStrictEqual(a, b);
}

function rowOf(
  { code, name }: Capability,
  { us, peer }: { readonly us: Capability | undefined; readonly peer: Capability | undefined },
): CapabilityStatus {
  return { code, name, us: us ? valueText(us) : null, peer: peer ? valueText(peer) : null };
}

/** What a capability says beside its name: `IPv4`, `restarting=false restartSeconds=120`, in hexadecimal where unknown. */
function valueText(capability: Capability): string {
  const { code: _, name: __, ...value } = capability;
  const text = Object.entries(value).map(([key, part]) => partText(key, part));
  return text.join(" ") || "yes";
}

function partText(key: string, part: unknown): string {
  if (key === "family") return `IPv${String(part)}`;
  if (part instanceof Uint8Array) return `0x${part.toHex()}`;
  if (Array.isArray(part)) return `${key}=[${part.map((each) => partText("", each)).join(", ")}]`;
  if (typeof part === "object" && part !== null) {
    return Object.entries(part)
      .map(([name, value]) => partText(name, value))
      .join(" ");
  }
  return key === "" ? String(part) : `${key}=${String(part)}`;
}
