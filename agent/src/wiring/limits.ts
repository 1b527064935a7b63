/**
 * Limits of bandwidth, as data: a token bucket at the node's end of a pod's pair for what comes to the pod, and for what it
 * sends one at an interface of its own (ifb), to which all that comes in from the pod is redirected: a bucket can only hold up
 * what is sent. The forms are Calico's; handle and name are ours, so that nothing else is touched.
 */
import type { QosControls } from "@brindle/api";
import {
  type IngressFilter,
  isOurRedirect,
  type KernelChange,
  type Link,
  type Qdisc,
  redirectPriority,
  type TokenBucket,
} from "@brindle/net";

export interface BandwidthLimits {
  /** Of what comes to the pod. */
  readonly ingress: TokenBucket | null;
  readonly egress: TokenBucket | null;
}

/** Marks a bucket as ours: 214, as our routes. Calico's and the plugin `bandwidth`'s are `1:`. */
export const limitHandle = 0x00d6_0000;

/** The mark of a queue's name; the rest is that of the node's end of the pair, which begins with as many letters. */
const queuePrefix = "brdl";
const podPrefix = "cali";

/** What a node's end sends is queued at the interface of that name. */
export function queueName(hostInterface: string): string {
  return `${queuePrefix}${hostInterface.slice(podPrefix.length)}`;
}

/** Whose queue it is; `null` for any other interface. */
export function queueOwner({ name, kind }: Pick<Link, "name" | "kind">): string | null {
  return kind === "ifb" && name.startsWith(queuePrefix) ? `${podPrefix}${name.slice(queuePrefix.length)}` : null;
}

/** Ethernet's header, which counts; of a packet as large as the MTU. */
const headerBytes = 14;
/** How long a packet waits at most where the bucket is empty. */
const waitSeconds = 0.025;
/** What may wait beside that, whatever the burst: 64 KiB come as one packet. A queue as long as a burst would hold up a pod's packets for minutes. */
const queuedBytesMax = 131_072;
/** The kernel tells bursts as times of 32 bits, in units of 64 ns: of 274 s. Calico's are cut by the same. */
const burstSecondsMax = 270;
const u32Max = 0xffff_ffff;

export function bandwidthLimits(controls: QosControls | null | undefined, mtu: number): BandwidthLimits {
  const bucket = (direction: "ingress" | "egress"): TokenBucket | null => {
    const rate = controls?.[`${direction}Bandwidth`] ?? 0;
    if (rate === 0) return null;
    return tokenBucket({
      rate,
      burst: controls?.[`${direction}Burst`] ?? 0,
      peak: controls?.[`${direction}Peakrate`] ?? 0,
      minburst: controls?.[`${direction}Minburst`] ?? 0,
      mtu,
    });
  };
  return { ingress: bucket("ingress"), egress: bucket("egress") };
}

export function limitsBandwidth(controls: QosControls | null | undefined): controls is QosControls {
  return (controls?.ingressBandwidth ?? 0) > 0 || (controls?.egressBandwidth ?? 0) > 0;
}

/** Rates and the burst in bits, `minburst` in bytes. */
function tokenBucket(asked: {
  readonly rate: number;
  readonly burst: number;
  readonly peak: number;
  readonly minburst: number;
  readonly mtu: number;
}): TokenBucket {
  const packetBytes = asked.mtu + headerBytes;
  // The kernel cannot tell the time that a packet takes at less than that.
  const rate = Math.max(Math.ceil(packetBytes / burstSecondsMax), Math.floor(asked.rate / 8));
  const mostAt = (bytesPerSecond: number) => Math.min(u32Max, bytesPerSecond * burstSecondsMax);
  // No packet that is larger than a burst ever passes, so that a smaller burst would cut the pod off.
  const burstBytes = Math.max(packetBytes, Math.min(Math.floor(asked.burst / 8), mostAt(rate)));
  const queued = Math.max(packetBytes, Math.min(burstBytes, queuedBytesMax));
  const limitBytes = Math.min(u32Max, Math.floor(rate * waitSeconds) + queued);
  // The kernel refuses one that is no more than the rate.
  const peakRate = Math.max(rate + 1, Math.floor(asked.peak / 8));
  const peakBurst = Math.max(packetBytes, Math.min(asked.minburst, mostAt(peakRate)));
  const peak = asked.peak > asked.rate ? { bytesPerSecond: BigInt(peakRate), burstBytes: peakBurst } : null;
  return { bytesPerSecond: BigInt(rate), burstBytes, limitBytes, peak };
}

/** What limits a pod now. */
export interface FoundLimits {
  /** At the root of the node's end. */
  readonly root: Qdisc | null;
  /** For what comes in by the node's end: an "ingress", as ours is, or somebody's "clsact". */
  readonly ingress: Qdisc | null;
  /** Of what comes in by it, everybody's. */
  readonly filters: readonly IngressFilter[];
  readonly queue: Link | null;
  /** At the root of the queue. */
  readonly queueRoot: Qdisc | null;
}

/** Of the wanted limits those that there are some of already. */
export function presentLimits({ ingress, egress }: BandwidthLimits, found: FoundLimits): BandwidthLimits {
  const isAtRoot = found.root?.handle === limitHandle;
  const isQueued = found.queue !== null || ownFilters(found).length > 0;
  return { ingress: isAtRoot ? ingress : null, egress: isQueued ? egress : null };
}

export interface LimitsPlan {
  /** In order; those of the queue are for one that is there. */
  readonly changes: readonly KernelChange[];
  /** Whether the queue is to be made first, or removed afterwards. */
  readonly queue: "make" | "keep" | "remove";
  /** What somebody else's limit is in the way of. */
  readonly conflicts: readonly string[];
}

/** Made once more where `queue` is "make" and it has been made. */
export function planLimits(
  host: Pick<Link, "index" | "name">,
  wanted: BandwidthLimits,
  found: FoundLimits,
): LimitsPlan {
  const conflicts: string[] = [];
  const changes = [
    ...rootChanges(host, { wanted: wanted.ingress, found: found.root, conflicts }),
    ...egressChanges(host, { wanted: wanted.egress, found, conflicts }),
  ];
  if (wanted.egress && obstacle(host.name, found) === null)
    return { changes, conflicts, queue: found.queue ? "keep" : "make" };
  if (!found.queue || wanted.egress) return { changes, conflicts, queue: "keep" };
  if (!isLedToByOthers(found.queue, found)) return { changes, conflicts, queue: "remove" };
  conflicts.push(
    `somebody else redirects to ${found.queue.name} what comes in by ${host.name}: what the pod sends stays limited`,
  );
  return { changes, conflicts, queue: "keep" };
}

/** Without the queue their filter would drop all that comes in. */
function isLedToByOthers({ index }: Link, found: FoundLimits): boolean {
  const own = ownFilters(found);
  return found.filters.some((filter) => filter.redirectsTo === index && !own.includes(filter));
}

function rootChanges(
  { index, name }: Pick<Link, "index" | "name">,
  {
    wanted,
    found,
    conflicts,
  }: { readonly wanted: TokenBucket | null; readonly found: Qdisc | null; readonly conflicts: string[] },
): KernelChange[] {
  const isOurs = found?.handle === limitHandle;
  if (!wanted) return isOurs ? [{ op: "deleteQdisc", qdisc: { interfaceIndex: index, isRoot: true } }] : [];
  // What the kernel has put there by itself has no number.
  if (found && !isOurs && found.handle !== 0) {
    conflicts.push(
      `${name} has a queueing discipline (${found.kind}) that is not ours: what the pod gets is not limited`,
    );
    return [];
  }
  return isOurs && isSameBucket(found.bucket, wanted) ? [] : [replaceBucket(index, wanted)];
}

/** The redirection comes last, and the queue is up only then: one that is up is whole. */
function egressChanges(
  { index, name }: Pick<Link, "index" | "name">,
  {
    wanted,
    found,
    conflicts,
  }: { readonly wanted: TokenBucket | null; readonly found: FoundLimits; readonly conflicts: string[] },
): KernelChange[] {
  if (!wanted) return egressRemoval(index, found);
  const inTheWay = obstacle(name, found);
  if (inTheWay !== null) {
    conflicts.push(`${inTheWay}: what the pod sends is not limited`);
    return [];
  }
  const { ingress, queue, queueRoot } = found;
  if (!queue) return [];
  const own = ownFilters(found);
  const right = own.find((one) => isOurRedirect(one) && one.redirectsTo === queue.index);
  const isRight = right !== undefined;
  const wrong = own.filter((one) => one !== right);
  return [
    ...(isSameBucket(queueRoot?.bucket ?? null, wanted) ? [] : [replaceBucket(queue.index, wanted)]),
    ...(ingress ? [] : [{ op: "replaceQdisc" as const, qdisc: { kind: "ingress" as const, interfaceIndex: index } }]),
    ...deletions(wrong, found),
    ...(isRight ? [] : [{ op: "addRedirect" as const, redirect: { interfaceIndex: index, toIndex: queue.index } }]),
    ...(isRight && queue.up
      ? []
      : [
          {
            op: "setLink" as const,
            link: { index: queue.index },
            settings: { addressGeneration: "none" as const, up: true },
          },
        ]),
  ];
}

/** Of what others may have filters in too, our redirection alone. */
function egressRemoval(index: number, found: FoundLimits): KernelChange[] {
  const { ingress, queue, filters } = found;
  const own = ownFilters(found);
  const isOurs = ingress?.kind === "ingress" && (own.length > 0 || queue !== null) && own.length === filters.length;
  return isOurs ? [{ op: "deleteQdisc", qdisc: { interfaceIndex: index, isRoot: false } }] : deletions(own, found);
}

/** What a filter hung in stays without it, in the way of others' filters of another kind. */
function deletions(own: readonly IngressFilter[], { filters }: FoundLimits): KernelChange[] {
  const isShared = filters.some((filter) => filter.priority === redirectPriority && !own.includes(filter));
  const gone = isShared ? own : own.slice(0, 1).map(({ interfaceIndex }) => ({ interfaceIndex, handle: 0 }));
  return gone.map(({ interfaceIndex, handle }) => ({ op: "deleteRedirect", filter: { interfaceIndex, handle } }));
}

/**
 * With our mark what leads to the queue, and what led to one that is gone: all that comes in is then dropped. Without it, as agents
 * made it that set none, what leads to the queue.
 */
function ownFilters({ filters, queue }: FoundLimits): readonly IngressFilter[] {
  const isUnmarked = ({ priority, isOfAllProtocols, redirectsTo }: IngressFilter) =>
    queue !== null && redirectsTo === queue.index && priority === redirectPriority && isOfAllProtocols;
  return filters.filter((filter) => isOurRedirect(filter) || isUnmarked(filter));
}

/** What of somebody else's keeps ours from being made, in words. */
function obstacle(name: string, found: FoundLimits): string | null {
  const own = ownFilters(found);
  for (const filter of found.filters) {
    if (own.includes(filter)) continue;
    if (filter.redirectsTo !== null)
      return `what comes in by ${name} is redirected by somebody else${filter.redirectsTo === 0 ? ", to an interface that is gone" : ""}`;
    if (filter.priority === redirectPriority && !(filter.kind === "u32" && filter.isOfAllProtocols))
      return `a filter (${filter.kind}) that is not ours has the first place for what comes in by ${name}`;
  }
  return null;
}

function replaceBucket(interfaceIndex: number, bucket: TokenBucket): KernelChange {
  return { op: "replaceQdisc", qdisc: { kind: "tbf", interfaceIndex, handle: limitHandle, bucket } };
}

/** Bursts come back as the times that they take: nearly as they were said. */
export function isSameBucket(found: TokenBucket | null, wanted: TokenBucket | null): boolean {
  if (!found || !wanted) return found === wanted;
  return (
    found.bytesPerSecond === wanted.bytesPerSecond &&
    found.limitBytes === wanted.limitBytes &&
    isNear(found, wanted) &&
    found.peak?.bytesPerSecond === wanted.peak?.bytesPerSecond &&
    (!found.peak || !wanted.peak || isNear(found.peak, wanted.peak))
  );
}

/** A thousandth, and as much as goes in two units of 64 ns. */
function isNear(a: Pick<TokenBucket, "bytesPerSecond" | "burstBytes">, b: Pick<TokenBucket, "burstBytes">): boolean {
  const tolerance = b.burstBytes / 1000 + Number(a.bytesPerSecond) * 128e-9 + 1;
  return Math.abs(a.burstBytes - b.burstBytes) <= tolerance;
}

/** What of the wanted limits the kernel does not have, in words, for CHECK. */
export function limitDifferences(
  host: Pick<Link, "index" | "name">,
  wanted: BandwidthLimits,
  found: FoundLimits,
): string[] {
  const isIngressRight = found.root?.handle === limitHandle && isSameBucket(found.root.bucket, wanted.ingress);
  const leadsToQueue = ownFilters(found).some(({ redirectsTo }) => redirectsTo === found.queue?.index);
  const isEgressRight =
    found.queue?.up === true && leadsToQueue && isSameBucket(found.queueRoot?.bucket ?? null, wanted.egress);
  return [
    ...(wanted.ingress && !isIngressRight
      ? [`${host.name} of the node does not limit what the pod gets as was asked for`]
      : []),
    ...(wanted.egress && !isEgressRight
      ? [`${host.name} of the node does not limit what the pod sends as was asked for`]
      : []),
  ];
}
