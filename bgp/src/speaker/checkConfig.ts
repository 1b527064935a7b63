/** Refuses a configuration that could not work, naming the field. */
import { addressBits, formatAddress, parseAddress, parsePrefix } from "@brindle/net";
import { type BmpCollector, collectorName } from "../bmp/config.ts";
import { BgpError } from "../error.ts";
import { checkFilters } from "../filter/check.ts";
import { anyOtherAs, type DynamicPeers, type PeerConfig, type RoutePolicy, type SpeakerConfig } from "./config.ts";

/** Throws a `BgpError` with the code `CONFIG_INVALID`. */
export function checkConfig(config: SpeakerConfig): void {
  checkAsn("asn", config.asn);
  const bgpId = parseAddress(config.bgpId);
  check(bgpId?.family === 4 && bgpId.value !== 0n, "bgpId", `${config.bgpId} is not a dotted quad but 0.0.0.0`);
  for (const [i, { address, port }] of config.listen.entries()) {
    check(parseAddress(address), `listen[${i}].address`, `${address} is not an address`);
    checkPort(`listen[${i}].port`, port);
  }
  const { gracefulRestart, restarting } = config;
  checkRestart("gracefulRestart", gracefulRestart);
  if (restarting) checkRange("restarting.deadlineSeconds", restarting.deadlineSeconds, { min: 1, max: 3600 });
  const { clusterId, multipath } = config;
  if (clusterId !== undefined) {
    check(parseAddress(clusterId)?.family === 4, "clusterId", `${clusterId} is not a dotted quad`);
  }
  if (multipath) checkRange("multipath.paths", multipath.paths, { min: 1, max: 64 });
  checkCollectors(config.bmp ?? []);
  for (const peer of config.peers) {
    const isInternal = peer.asn === (peer.localAsn ?? config.asn);
    check(isInternal || !peer.routeReflectorClient, `peers[${peer.name}].routeReflectorClient`, reflectsInside);
  }
  const names = new Set<string>();
  const addresses = new Set<string>();
  for (const peer of config.peers) {
    const field = `peers[${peer.name}]`;
    check(peer.name !== "" && peer.name !== "local", field, "a peer needs a name, and `local` is our own");
    check(!names.has(peer.name), field, "two peers have this name");
    names.add(peer.name);
    checkPeer(field, peer, config.asn);
    const address = parseAddress(peer.address);
    const plain = address ? formatAddress(address) : peer.address;
    const key = peer.interface === undefined ? plain : `interface ${peer.interface}`;
    check(
      !addresses.has(key),
      `${field}.address`,
      `two peers have the ${key.startsWith("i") ? key : `address ${key}`}`,
    );
    addresses.add(key);
  }
  for (const range of config.dynamicPeers ?? []) {
    check(range.name !== "" && !names.has(range.name), `dynamicPeers[${range.name}]`, "needs a name of its own");
    names.add(range.name);
    checkDynamic(range, config.asn);
  }
}

/** RFC 4724 §3, RFC 9494 §4.1: the bits that there are. */
function checkRestart(field: string, restart: SpeakerConfig["gracefulRestart"]): void {
  if (!restart) return;
  const { restartSeconds, longLivedSeconds } = restart;
  checkRange(`${field}.restartSeconds`, restartSeconds, { min: 1, max: 4095 });
  if (longLivedSeconds === undefined) return;
  checkRange(`${field}.longLivedSeconds`, longLivedSeconds, { min: 1, max: 0xffffff });
}

function checkCollectors(collectors: readonly BmpCollector[]): void {
  const names = new Set<string>();
  for (const [i, collector] of collectors.entries()) {
    const { address, port, statisticsSeconds, retrySeconds } = collector;
    check(parseAddress(address), `bmp[${i}].address`, `${address} is not an address`);
    checkRange(`bmp[${i}].port`, port, { min: 1, max: 65535 });
    checkRange(`bmp[${i}].statisticsSeconds`, statisticsSeconds, { min: 0, max: 86_400 });
    if (retrySeconds !== undefined) checkRange(`bmp[${i}].retrySeconds`, retrySeconds, { min: 1, max: 720 });
    const name = collectorName(collector);
    check(!names.has(name), `bmp[${i}]`, `${name} stands there twice`);
    names.add(name);
  }
}

const reflectsInside = "is for peers of our own AS (RFC 4456)";

function checkPeer(field: string, peer: PeerConfig, localAsn: number): void {
  check(parseAddress(peer.address), `${field}.address`, `${peer.address} is not an address`);
  checkPort(`${field}.port`, peer.port);
  if (peer.asn !== anyOtherAs) checkAsn(`${field}.asn`, peer.asn);
  if (peer.localAsn !== undefined) checkAsn(`${field}.localAsn`, peer.localAsn);
  if (peer.ownAsMax !== undefined) checkRange(`${field}.ownAsMax`, peer.ownAsMax, { min: 0, max: 255 });
  checkRestart(`${field}.gracefulRestart`, peer.gracefulRestart ?? undefined);
  const { localAddress, holdSeconds, nextHop } = peer;
  check(
    localAddress === undefined || parseAddress(localAddress)?.family === parseAddress(peer.address)?.family,
    `${field}.localAddress`,
    `${localAddress} is not an address of the peer's family`,
  );
  // RFC 4271 §4.2: one and two seconds are refused by every peer.
  check(
    holdSeconds === 0 || (holdSeconds >= 3 && holdSeconds <= 65535),
    `${field}.holdSeconds`,
    "must be 0, or 3 to 65535",
  );
  checkRange(`${field}.connectRetrySeconds`, peer.connectRetrySeconds, { min: 1, max: 65535 });
  if (peer.interface !== undefined) {
    const isName = /^[^\s/%]{1,15}$/.test(peer.interface);
    check(isName, `${field}.interface`, `${peer.interface} is not the name of an interface`);
    const isOfLink = peer.address === "::" || parseAddress(peer.address)?.family === 6;
    check(isOfLink, `${field}.address`, "of a peer by interface it is ::, and learned");
  }
  checkMaxPrefixes(`${field}.maxPrefixes`, peer.maxPrefixes);
  checkBfd(`${field}.bfd`, peer);
  const { sendMax, receiveMax } = peer.addPath ?? {};
  if (sendMax !== undefined) checkRange(`${field}.addPath.sendMax`, sendMax, { min: 1, max: 1024 });
  if (receiveMax !== undefined) checkRange(`${field}.addPath.receiveMax`, receiveMax, { min: 1, max: 1024 });
  const { password, ttlSecurity, sendHoldSeconds, keepaliveSeconds } = peer;
  if (sendHoldSeconds !== undefined) {
    // RFC 9687 §6: longer than the hold time, so that the peer has the time to find out by itself.
    checkRange(`${field}.sendHoldSeconds`, sendHoldSeconds, { min: holdSeconds + 1, max: 65535 });
  }
  if (keepaliveSeconds !== undefined) checkRange(`${field}.keepaliveSeconds`, keepaliveSeconds, { min: 1, max: 21845 });
  const isInside = peer.localRole !== undefined && peer.asn === (peer.localAsn ?? localAsn);
  check(!isInside, `${field}.localRole`, "roles are for peers of another AS (RFC 9234 §4)");
  check(!peer.strictRole || peer.localRole, `${field}.strictRole`, "needs a localRole");
  if (password !== undefined) checkPassword(`${field}.password`, password);
  if (ttlSecurity !== undefined) checkRange(`${field}.ttlSecurity`, ttlSecurity, { min: 1, max: 255 });
  check(peer.families.length > 0, `${field}.families`, "must name at least one family");
  for (const family of [4, 6] as const) {
    const text = nextHop[family];
    const isFamily = text === undefined || parseAddress(text)?.family === family;
    check(isFamily, `${field}.nextHop[${family}]`, `${text} is not an IPv${family} address`);
  }
  checkFilters(`${field}.importFilters`, peer.importFilters ?? [], refuse);
  checkFilters(`${field}.exportFilters`, peer.exportFilters ?? [], refuse);
  checkPolicy(`${field}.importPolicy`, peer.importPolicy);
  checkPolicy(`${field}.exportPolicy`, peer.exportPolicy);
}

function checkMaxPrefixes(field: string, limits: PeerConfig["maxPrefixes"]): void {
  if (!limits) return;
  for (const family of [4, 6] as const) {
    const max = limits[family];
    if (max !== undefined) checkRange(`${field}[${family}]`, max, { min: 1, max: 0xffffffff });
  }
  checkRange(`${field}.warnPercent`, limits.warnPercent ?? 1, { min: 1, max: 100 });
  checkRange(`${field}.restartSeconds`, limits.restartSeconds ?? 1, { min: 1, max: 0xffffff });
}

function checkBfd(field: string, { bfd, interface: name }: PeerConfig): void {
  if (!bfd) return;
  const { minTxMs, minRxMs, multiplier, multihop } = bfd;
  checkRange(`${field}.minTxMs`, minTxMs, { min: 10, max: 60_000 });
  checkRange(`${field}.minRxMs`, minRxMs, { min: 10, max: 60_000 });
  checkRange(`${field}.multiplier`, multiplier, { min: 1, max: 255 });
  check(!multihop || name === undefined, `${field}.multihop`, "a peer by interface is on its link");
}

/** A template is checked as the peer that it makes of the range's first address. */
function checkDynamic(range: DynamicPeers, localAsn: number): void {
  const field = `dynamicPeers[${range.name}]`;
  const prefix = parsePrefix(range.range);
  check(prefix, `${field}.range`, `${range.range} is not a prefix`);
  checkRange(`${field}.limit`, range.limit, { min: 1, max: 10_000 });
  const { name, template } = range;
  checkPeer(field, { ...template, name, address: formatAddress(prefix.address), passive: true }, localAsn);
}

/** The bytes that the kernel takes (TCP_MD5SIG_MAXKEYLEN). The password itself is in no message. */
function checkPassword(field: string, password: string): void {
  const bytes = Buffer.byteLength(password, "utf8");
  check(bytes >= 1 && bytes <= 80, field, `has ${bytes} bytes, and 1 to 80 can be used`);
}

function checkPolicy(field: string, { accept }: RoutePolicy): void {
  if (accept === "all") return;
  for (const [i, { prefix: text, minLength, maxLength }] of accept.entries()) {
    const prefix = parsePrefix(text);
    check(prefix, `${field}.accept[${i}].prefix`, `${text} is not a prefix`);
    const isRange = minLength <= maxLength && minLength >= 0 && maxLength <= addressBits[prefix.address.family];
    check(isRange, `${field}.accept[${i}]`, `${minLength} to ${maxLength} is no range of lengths of ${text}`);
  }
}

function checkAsn(field: string, asn: number): void {
  checkRange(field, asn, { min: 1, max: 0xffffffff }); // RFC 7607: AS 0 is nobody's.
}

function checkPort(field: string, port: number): void {
  checkRange(field, port, { min: 0, max: 65535 });
}

function checkRange(field: string, value: number, { min, max }: { readonly min: number; readonly max: number }): void {
  check(Number.isInteger(value) && value >= min && value <= max, field, `${value} is not between ${min} and ${max}`);
}

function check(holds: unknown, field: string, reason: string): asserts holds {
  if (!holds) refuse(field, reason);
}

function refuse(field: string, reason: string): never {
  throw new BgpError({ code: "CONFIG_INVALID", field, reason });
}
