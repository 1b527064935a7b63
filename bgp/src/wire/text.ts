/** Attributes as a person writes them. */
import type { AsPathSegment } from "./message.ts";

/** `65001 65002 {64512,64513}`; confederations in parentheses and brackets, as routers print them. */
export function formatAsPath(path: readonly AsPathSegment[]): string {
  return path.map(formatSegment).join(" ");
}

/** Those with a name (RFC 1997, RFC 7999, RFC 8326, RFC 9494), else `64512:100`. */
export function formatCommunity(community: number): string {
  return wellKnownCommunities.get(community) ?? `${community >>> 16}:${community & 0xffff}`;
}

/** `64512:1:2`: RFC 8092 §5. */
export function formatLargeCommunity(community: readonly [number, number, number]): string {
  return community.join(":");
}

export const wellKnownCommunities: ReadonlyMap<number, string> = new Map([
  [0xffff0000, "graceful-shutdown"],
  [0xffff0006, "llgr-stale"],
  [0xffff0007, "no-llgr"],
  [0xffff029a, "blackhole"],
  [0xffffff01, "no-export"],
  [0xffffff02, "no-advertise"],
  [0xffffff03, "no-export-subconfed"],
  [0xffffff04, "no-peer"],
]);

function formatSegment({ type, asns }: AsPathSegment): string {
  switch (type) {
    case "sequence":
      return asns.join(" ");
    case "set":
      return `{${asns.join(",")}}`;
    case "confedSequence":
      return `(${asns.join(" ")})`;
    case "confedSet":
      return `[${asns.join(",")}]`;
  }
}
