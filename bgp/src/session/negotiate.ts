/** What two OPENs agree on: RFC 5492 §3. A capability holds when both sides offered it. */
import type { Family } from "@brindle/net";
import { extendedMessageBytesMax, messageBytesMax } from "../wire/limits.ts";
import type { AddPathFamily, BgpRole, Capability, GracefulRestart, LongLivedFamily } from "../wire/message.ts";

export interface Negotiated {
  /** Empty when the two sides have nothing to say to each other. */
  readonly families: readonly Family[];
  readonly fourOctetAs: boolean;
  readonly routeRefresh: boolean;
  /** RFC 7313: what is sent again stands between a beginning and an end. */
  readonly enhancedRefresh: boolean;
  /** RFC 8950: IPv4 prefixes may have IPv6 next hops, both ways. */
  readonly extendedNextHop: boolean;
  /** RFC 8654 §4: what we may send is what the peer says, and what it may send is what we say. */
  readonly messageBytesMax: number;
  readonly receivedBytesMax: number;
  /** The peer's side of RFC 4724, or `null` when either side does without. */
  readonly gracefulRestart: GracefulRestart | null;
  /** RFC 8538: both sides keep routes through a NOTIFICATION that is no hard reset. */
  readonly keepsOnNotification: boolean;
  /** RFC 9494 §4.2: the families whose routes are kept beyond the restart time, by the peer's wish. */
  readonly longLived: readonly LongLivedFamily[];
  /** RFC 7911 §4, from our side: families of which we may send, or take, several paths of a prefix. */
  readonly addPath: readonly AddPathFamily[];
  /** RFC 9234: what the peer says that it is, `null` where it says nothing. */
  readonly peerRole: BgpRole | null;
}

export function negotiate(ours: readonly Capability[], theirs: readonly Capability[]): Negotiated {
  const bothHave = (name: Capability["name"]): boolean => has(ours, name) && has(theirs, name);
  const [ourRestart, theirRestart] = [find(ours, "gracefulRestart"), find(theirs, "gracefulRestart")];
  const families = familiesOf(ours).filter((family) => familiesOf(theirs).includes(family));
  const notifications = ourRestart?.restart.notifications && theirRestart?.restart.notifications;
  return {
    families,
    fourOctetAs: bothHave("fourOctetAs"),
    routeRefresh: bothHave("routeRefresh"),
    enhancedRefresh: bothHave("enhancedRouteRefresh"),
    extendedNextHop: hasIpv6NextHops(ours) && hasIpv6NextHops(theirs),
    messageBytesMax: bytesMax(theirs),
    receivedBytesMax: bytesMax(ours),
    gracefulRestart: ourRestart && theirRestart ? theirRestart.restart : null,
    keepsOnNotification: notifications === true,
    longLived: longLivedOf(ours, theirs, families),
    addPath: addPathOf(ours, theirs, families),
    peerRole: find(theirs, "role")?.role ?? null,
  };
}

/** Who offers no multiprotocol capability speaks RFC 4271 alone, and that is IPv4. */
function familiesOf(capabilities: readonly Capability[]): readonly Family[] {
  const offersOthers = capabilities.some(({ code }) => code === 1);
  if (!offersOthers) return [4];
  return capabilities.flatMap((each) => (each.name === "multiprotocol" ? [each.family] : []));
}

function hasIpv6NextHops(capabilities: readonly Capability[]): boolean {
  const families = find(capabilities, "extendedNextHop")?.families ?? [];
  return families.some(({ family, nextHop }) => family === 4 && nextHop === 6);
}

function bytesMax(capabilities: readonly Capability[]): number {
  return has(capabilities, "extendedMessage") ? extendedMessageBytesMax : messageBytesMax;
}

/** RFC 9494 §4.2: it means nothing without graceful restart. */
function longLivedOf(
  ours: readonly Capability[],
  theirs: readonly Capability[],
  families: readonly Family[],
): readonly LongLivedFamily[] {
  if (![ours, theirs].every((each) => has(each, "gracefulRestart") && has(each, "longLivedRestart"))) return [];
  return (find(theirs, "longLivedRestart")?.families ?? []).filter(({ family }) => families.includes(family));
}

function addPathOf(
  ours: readonly Capability[],
  theirs: readonly Capability[],
  families: readonly Family[],
): readonly AddPathFamily[] {
  const [offered, wanted] = [find(ours, "addPath")?.families ?? [], find(theirs, "addPath")?.families ?? []];
  const agreed = families.map((family) => {
    const [our, their] = [offered, wanted].map((list) => list.findLast((each) => each.family === family));
    return {
      family,
      send: our?.send === true && their?.receive === true,
      receive: our?.receive === true && their?.send === true,
    };
  });
  return agreed.filter(({ send, receive }) => send || receive);
}

type Named<Name> = Extract<Capability, { readonly name: Name }>;

function find<Name extends Capability["name"]>(capabilities: readonly Capability[], name: Name): Named<Name> | null {
  return capabilities.find((each): each is Named<Name> => each.name === name) ?? null;
}

function has(capabilities: readonly Capability[], name: Capability["name"]): boolean {
  return capabilities.some((each) => each.name === name);
}
