/** What the two ends of a session agreed on, in words: rows of `bgp peer`. */
import type { PeerDetail } from "@brindle/bgp";

type Fact = [name: string, text: string];

/** Of what a speaker of another version says and this one has no words for, the bare value is shown. */
export function agreedFacts(negotiated: PeerDetail["negotiated"]): Fact[] {
  if (!negotiated) return [];
  const facts: Fact[] = [];
  const { receivedBytesMax, ...others } = negotiated;
  for (const [field, value] of Object.entries(others)) {
    const [name, text] = words[field] ?? [field, (plain: unknown) => JSON.stringify(plain)];
    facts.push([name, text(value, { receivedBytesMax })]);
  }
  return facts;
}

type Words = readonly [name: string, text: (value: unknown, beside: Readonly<Record<string, unknown>>) => string];

const words: Readonly<Record<string, Words>> = {
  families: ["families", (value) => named(value, (family) => `IPv${String(family)}`)],
  fourOctetAs: ["four-octet AS", yesOrNo],
  routeRefresh: ["route refresh", yesOrNo],
  enhancedRefresh: ["enhanced refresh", yesOrNo],
  extendedNextHop: ["IPv4 by IPv6", yesOrNo],
  messageBytesMax: [
    "longest message",
    (sent, { receivedBytesMax }) => `${String(sent)} bytes sent, ${String(receivedBytesMax)} received`,
  ],
  gracefulRestart: ["graceful restart", restartText],
  keepsOnNotification: ["kept after errors", yesOrNo],
  longLived: ["long-lived restart", (value) => named(value, longLivedText)],
  addPath: ["several paths", (value) => named(value, addPathText)],
  peerRole: ["role of the peer", (value) => (typeof value === "string" ? value : "-")],
};

function yesOrNo(value: unknown): string {
  return value === true ? "yes" : "no";
}

function named(value: unknown, text: (each: never) => string): string {
  return (Array.isArray(value) ? value.map((each) => text(each as never)) : []).join(", ") || "-";
}

interface FamilyKept {
  readonly family: number;
  readonly forwardingKept: boolean;
}

/** `the peer for 120s, IPv4 (forwarding kept), IPv6; it has restarted`. */
function restartText(value: unknown): string {
  if (value === null || typeof value !== "object") return "no";
  const { restartSeconds, restarting, families } = value as {
    readonly restartSeconds: number;
    readonly restarting: boolean;
    readonly families: readonly FamilyKept[];
  };
  if (families.length === 0) return "the peer keeps our routes, and wants none of its own kept";
  const kept = families.map(
    ({ family, forwardingKept }) => `IPv${family}${forwardingKept ? " (forwarding kept)" : ""}`,
  );
  return `the peer for ${restartSeconds}s, ${kept.join(", ")}${restarting ? "; it has restarted" : ""}`;
}

function longLivedText({ family, staleSeconds }: { readonly family: number; readonly staleSeconds: number }): string {
  return `IPv${family} for ${staleSeconds}s`;
}

function addPathText({
  family,
  send,
  receive,
}: {
  readonly family: number;
  readonly send: boolean;
  readonly receive: boolean;
}): string {
  const ways = [...(send ? ["sent"] : []), ...(receive ? ["received"] : [])];
  return `IPv${family} ${ways.join(" and ") || "neither way"}`;
}
