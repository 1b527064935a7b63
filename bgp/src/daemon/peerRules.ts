/** What no peer of the file can be, though each field by itself is well-formed: told by the names and places of the file. */
import { type Address, addressBits, parseAddress, parsePrefix } from "@brindle/net";
import type { PeerSettings, PolicySettings } from "./settings.ts";
import { shown } from "./shown.ts";

type Report = (field: string, reason: string) => void;

/** `asNumber` is our own. */
export function checkPeerRules(field: string, peer: PeerSettings, asNumber: number, report: Report): void {
  const isInternal = peer.asNumber === (peer.localASNumber ?? asNumber);
  const isKnown = peer.asNumber !== undefined;
  if (isInternal && peer.role !== undefined) report(`${field}.role`, "roles are for peers of another AS (RFC 9234 §4)");
  if (isKnown && !isInternal && peer.routeReflectorClient)
    report(`${field}.routeReflectorClient`, "is for peers of our own AS (RFC 4456)");
  checkPlace(field, peer, report);
  checkPairs(field, peer, report);
  checkPolicy(`${field}.importPolicy`, peer.importPolicy, report);
  checkPolicy(`${field}.exportPolicy`, peer.exportPolicy, report);
}

function checkPlace(field: string, { peerIP, interface: device }: PeerSettings, report: Report): void {
  if (device !== undefined && !/^[^\s/%]{1,15}$/.test(device)) {
    report(`${field}.interface`, `${shown(device)} is not the name of an interface`);
  }
  // fe80::/10, RFC 4291 §2.5.6
  const address = peerIP && parseAddress(peerIP.address);
  if (address && !isOfRouter(address)) {
    report(`${field}.peerIP`, `${shown(peerIP?.address)} is the address of no single router`);
  }
  if (address?.family === 6 && address.value >> 118n === 0x3fan) {
    report(`${field}.peerIP`, `${shown(peerIP?.address)} is of one link: give the interface that leads there instead`);
  }
}

/** Neither 0.0.0.0, `::`, multicast, nor broadcast (RFC 4291 §2.4). Fabrics do have routers in the rest of 240.0.0.0/4. */
function isOfRouter({ family, value }: Address): boolean {
  if (value === 0n) return false;
  return family === 4 ? value >> 28n !== 0xen && value !== 0xffffffffn : value >> 120n !== 0xffn;
}

/** What the peer says by itself, which in `merged` has its template's fields as well: a template may say it for others, too. */
export function checkOwnFields(
  field: string,
  { own, merged }: { readonly own: PeerSettings; readonly merged: PeerSettings },
  report: Report,
): void {
  if (own.range !== undefined && own.connectRetryTime !== undefined) {
    report(`${field}.connectRetryTime`, "peers of a range always dial");
  } else if (own.connectRetryTime !== undefined && merged.passive) {
    report(`${field}.connectRetryTime`, "has no use where the peer dials: passive is true");
  }
  checkTogether(
    field,
    { ...own, ...(own.extendedNextHop && merged.families && { families: merged.families }) },
    report,
  );
}

/** What does not go together at one place, a peer's or a template's. What two places say is settled: the session has the less of it. */
export function checkTogether(field: string, peer: PeerSettings, report: Report): void {
  const { keepaliveTime, holdTime, extendedNextHop, families } = peer;
  if (keepaliveTime !== undefined && holdTime !== undefined && keepaliveTime > holdTime / 3) {
    const reason = `${shown(`${keepaliveTime}s`)} is longer than a third of the hold time, ${holdTime}s`;
    report(`${field}.keepaliveTime`, holdTime === 0 ? "with a hold time of 0s there are no keepalives" : reason);
  }
  if (extendedNextHop && families !== undefined && !families.includes(4)) {
    report(`${field}.extendedNextHop`, "is about IPv4 prefixes, and families has no ipv4");
  }
}

/** Fields that do nothing without another one. */
function checkPairs(field: string, peer: PeerSettings, report: Report): void {
  const { addPath, maxPrefixes } = peer;
  if (addPath?.sendMax !== undefined && !addPath.send) report(`${field}.addPath.sendMax`, "needs send: true beside it");
  if (addPath?.receiveMax !== undefined && !addPath.receive) {
    report(`${field}.addPath.receiveMax`, "needs receive: true beside it");
  }
  if (maxPrefixes && maxPrefixes.ipv4 === undefined && maxPrefixes.ipv6 === undefined) {
    report(`${field}.maxPrefixes`, "bounds nothing: ipv4, ipv6 or both are needed");
  }
  if (maxPrefixes?.restartTime !== undefined && (maxPrefixes.action ?? "reset") !== "reset") {
    report(`${field}.maxPrefixes.restartTime`, `no session ends with the action ${maxPrefixes.action}`);
  }
}

function checkPolicy(field: string, policy: PolicySettings | undefined, report: Report): void {
  if (policy === undefined || typeof policy === "string") return;
  for (const [i, row] of policy.entries()) {
    const prefix = typeof row === "string" ? null : parsePrefix(row.prefix);
    if (typeof row === "string" || !prefix) continue;
    const { minLength = prefix.length, maxLength = addressBits[prefix.address.family] } = row;
    if (minLength > maxLength || maxLength > addressBits[prefix.address.family] || maxLength < prefix.length)
      report(`${field}[${i}]`, `${minLength} to ${maxLength} is no range of lengths inside of ${row.prefix}`);
  }
}
