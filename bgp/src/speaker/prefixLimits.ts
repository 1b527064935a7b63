/** What is said of a peer that announces much. */
import type { Family } from "@brindle/net";
import type { FamilyStatus } from "../control.ts";
import type { PeerBounds } from "../rib/peerTable.ts";
import { afiOf, unicast } from "../wire/family.ts";
import { WireWriter } from "../wire/writer.ts";
import type { MaxPrefixes, PeerConfig } from "./config.ts";

const warnPercentDefault = 75;

/** RFC 7911 leaves it to us: more ways than that to one prefix serve nobody. */
const pathsMaxDefault = 32;

/** What of the peer is not kept. */
export function boundsOf({ maxPrefixes, addPath }: Pick<PeerConfig, "maxPrefixes" | "addPath">): {
  bounds?: PeerBounds;
} {
  const discards = maxPrefixes?.action === "discard" ? maxPrefixes : null;
  const paths = addPath?.receive ? (addPath.receiveMax ?? pathsMaxDefault) : null;
  if (!discards && paths === null) return {};
  const { 4: v4, 6: v6 } = discards ?? {};
  const routes = { ...(v4 !== undefined && { 4: v4 }), ...(v6 !== undefined && { 6: v6 }) };
  return { bounds: { ...(discards && { routes }), ...(paths !== null && { paths }) } };
}

/** RFC 4486 §4: the family and its limit. */
function maximumPrefixesData(family: Family, max: number): Uint8Array {
  const writer = new WireWriter();
  writer.u16(afiOf[family]);
  writer.u8(unicast);
  writer.u32(max);
  return writer.finish();
}

/** Of the first family of which there are more than there may be: what to tell us, and the peer, where that ends a session. */
export function limitBreach(
  limits: MaxPrefixes | undefined,
  received: (family: Family) => number,
): { readonly text: string; readonly data: Uint8Array; readonly restartSeconds: number | undefined } | null {
  if (limits?.action !== "reset") return null;
  for (const family of [4, 6] as const) {
    const max = limits[family];
    const count = received(family);
    if (max === undefined || count <= max) continue;
    const until = limits.restartSeconds === undefined ? "until it is reset here" : `for ${limits.restartSeconds} s`;
    const text = `the peer announced ${count} IPv${family} prefixes, and ${max} are allowed; it stays away ${until}`;
    return { text, data: maximumPrefixesData(family, max), restartSeconds: limits.restartSeconds };
  }
  return null;
}

/** A line for each family that is near its limit, or beyond. */
export function prefixWarnings(
  limits: MaxPrefixes | undefined,
  families: readonly Pick<FamilyStatus, "family" | "received">[],
): string[] {
  const percent = limits?.warnPercent ?? warnPercentDefault;
  return families.flatMap(({ family, received }) => {
    const max = limits?.[family];
    if (max === undefined || received * 100 < max * percent) return [];
    return [`${received} IPv${family} prefixes, and ${max} are allowed`];
  });
}
