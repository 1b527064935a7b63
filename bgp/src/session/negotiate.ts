/** What two OPENs agree on: RFC 5492 §3. A capability holds when both sides offered it. */
import type { Family } from "@brindle/net";
import type { Capability, GracefulRestart } from "../wire/message.ts";

export interface Negotiated {
  /** Empty when the two sides have nothing to say to each other. */
  readonly families: readonly Family[];
  readonly fourOctetAs: boolean;
  readonly routeRefresh: boolean;
  /** The peer's side of RFC 4724, or `null` when either side does without. */
  readonly gracefulRestart: GracefulRestart | null;
}

export function negotiate(ours: readonly Capability[], theirs: readonly Capability[]): Negotiated {
  const bothHave = (name: Capability["name"]): boolean => has(ours, name) && has(theirs, name);
  const theirRestart = theirs.find((each) => each.name === "gracefulRestart")?.restart ?? null;
  return {
    families: familiesOf(ours).filter((family) => familiesOf(theirs).includes(family)),
    fourOctetAs: bothHave("fourOctetAs"),
    routeRefresh: bothHave("routeRefresh"),
    gracefulRestart: bothHave("gracefulRestart") ? theirRestart : null,
  };
}

/** Who offers no multiprotocol capability speaks RFC 4271 alone, and that is IPv4. */
function familiesOf(capabilities: readonly Capability[]): readonly Family[] {
  const offersOthers = capabilities.some(({ code }) => code === 1);
  if (!offersOthers) return [4];
  return capabilities.flatMap((each) => (each.name === "multiprotocol" ? [each.family] : []));
}

function has(capabilities: readonly Capability[], name: Capability["name"]): boolean {
  return capabilities.some((each) => each.name === name);
}
