/**
 * What to write so that a finding is one no more. Each write names the revision that it rests on, and each address the
 * number under which it was given: what was written or given since is left as it is, and judged anew by the next reading.
 */
import type { Item, Key, Kind, Write } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { type HeldAddress, isEmpty, nodeOf } from "../block.ts";
import { blockProblems } from "../blockProblems.ts";
import { countByBlock, handleWith } from "../handle.ts";
import { planRelease } from "../release.ts";
import { affinityKey, blockKey, emptyState, handleKey, type IpamState, unchanged } from "../state.ts";
import { type IpamFacts, isGone } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { addressesOf, holdings, isOfContainer } from "./owners.ts";

/**
 * In an order of which every prefix is safe, for a datastore that writes one object at a time. One that has transactions
 * does all at once, but for what it would write twice (`isStep`).
 */
export interface Repair {
  readonly finding: Finding;
  readonly writes: readonly RepairWrite[];
}

export interface RepairWrite {
  readonly write: Write;
  /** Only for the sake of who reads between the writes. */
  readonly isStep?: boolean;
}

/** More blocks than one handle ever has; etcd takes 128 operations. */
const blocksMax = 60;

/** `null`: nothing is to be done, or nothing that a program should do. */
export function planRepair(finding: Finding, facts: IpamFacts): Repair | null {
  const writes = writesFor(finding, facts);
  return writes.some(({ write }) => write.op !== "expect") ? { finding, writes } : null;
}

function writesFor(finding: Finding, facts: IpamFacts): readonly RepairWrite[] {
  switch (finding.kind) {
    case "leak":
      return release(facts, finding.handleId, finding.addresses);
    case "staleEndpoint":
      return endpointGoes(facts, finding);
    case "missingHandle":
      return handleComes(facts, finding);
    case "wrongCount":
      return recount(facts, finding);
    case "orphanHandle":
      return handleGoes(facts, finding.handleId);
    case "blockWithoutAffinity":
      return affinityComes(facts, finding);
    case "affinityWithoutBlock":
    case "lostAffinity":
      return affinityGoes(facts, finding);
    case "blockOfGoneNode":
      return blockLeavesNode(facts, finding);
    case "unusedBlock":
      return unusedGoes(facts, finding);
    case "staleNode":
      return nodeGoes(facts, finding.node);
    default:
      return [];
  }
}

function release(facts: IpamFacts, handleId: string, addresses: readonly HeldAddress[]): RepairWrite[] {
  const sequenceNumbers = new Map(addresses.map((held) => [formatAddress(held.address), held.sequenceNumber]));
  const blocks = new Map(
    [
      ...new Set([
        ...addresses.map(({ block }) => block),
        ...Object.keys(facts.handles.get(handleId)?.value.block ?? {}),
      ]),
    ].map((cidr) => [cidr, facts.blocks.get(cidr) ?? null] as const),
  );
  const state: IpamState = { ...emptyState, handle: facts.handles.get(handleId) ?? null, blocks };
  const plan = planRelease(state, { handleId, sequenceNumbers }, blocksMax);
  if (plan.kind !== "commit" || plan.released.length === 0) return [];
  // The blocks first: whoever is stopped between finds the rest by the handle.
  const isHandle = ({ key }: Write) => key.kind === "IPAMHandle";
  return [...plan.writes.filter((write) => !isHandle(write)), ...plan.writes.filter(isHandle)].map(plain);
}

function endpointGoes(facts: IpamFacts, finding: Extract<Finding, { kind: "staleEndpoint" }>): RepairWrite[] {
  const item = facts.endpoints.get(finding.endpoint);
  if (!item || item.value.spec.containerID !== finding.container) return [];
  const held = holdings(facts).filter(({ handleId }) => isOfContainer(handleId, finding.container));
  const handles = Map.groupBy(held, ({ handleId }) => handleId);
  // A container has one handle, but for further interfaces, whose endpoints are found by themselves.
  const [first] = [...handles].filter(([id]) => finding.endpoint.endsWith(interfaceOf(id, finding.container)));
  const isFree = first && !isHadByOthers(facts, finding.endpoint, first[1]);
  return [plain(deletion(item)), ...(isFree ? release(facts, first[0], first[1]) : [])];
}

/** What another endpoint says that it has is not free, though the block gave it to this one. */
function isHadByOthers(facts: IpamFacts, endpoint: string, held: readonly HeldAddress[]): boolean {
  const addresses = new Set(held.map(({ address }) => formatAddress(address)));
  return [...facts.endpoints].some(
    ([name, { value }]) => name !== endpoint && addressesOf(value).some((address) => addresses.has(address)),
  );
}

function interfaceOf(handleId: string, container: string): string {
  const rest = handleId.slice(handleId.indexOf(container) + container.length + 1);
  return `-${rest || "eth0"}`;
}

function handleComes(facts: IpamFacts, finding: Extract<Finding, { kind: "missingHandle" }>): RepairWrite[] {
  const { handleId, addresses } = finding;
  if (facts.handles.has(handleId)) return [];
  const value = handleWith(undefined, countByBlock(addresses));
  return [...resting(facts, addresses), { write: { op: "create", key: handleKey(handleId), value } }];
}

function recount(facts: IpamFacts, { handleId, held }: Extract<Finding, { kind: "wrongCount" }>): RepairWrite[] {
  const item = facts.handles.get(handleId);
  if (!item) return [];
  const value = handleWith(item.value, countByBlock(held));
  const { key, revision } = item;
  return [...resting(facts, held, Object.keys(item.value.block)), { write: { op: "update", key, value, revision } }];
}

/** As long as it holds nothing in the blocks that it names. */
function handleGoes(facts: IpamFacts, handleId: string): RepairWrite[] {
  const item = facts.handles.get(handleId);
  if (!item) return [];
  return [...resting(facts, [], Object.keys(item.value.block)), plain(deletion(item))];
}

function affinityComes(
  facts: IpamFacts,
  { node, block }: Extract<Finding, { kind: "blockWithoutAffinity" }>,
): RepairWrite[] {
  const item = facts.blocks.get(block);
  if (!item || nodeOf(item.value) !== node) return [];
  const value = { state: "confirmed", deleted: false } as const;
  return [plain(unchanged(item, item.key) as Write), { write: { op: "create", key: affinityKey(node, block), value } }];
}

function affinityGoes(
  facts: IpamFacts,
  { affinity, block }: { readonly affinity: string; readonly block: string },
): RepairWrite[] {
  const item = facts.affinities.get(affinity);
  if (!item) return [];
  return [plain(unchanged(facts.blocks.get(block), blockKey(block))), plain(deletion(item))];
}

/**
 * An empty one goes; one in use is nobody's until another node takes it over or its last address is free. The claim is
 * marked first and goes last, as Calico does it: an agent of a node that is back under the same name then knows that what
 * it remembers is in doubt.
 */
function blockLeavesNode(
  facts: IpamFacts,
  { block, node }: { readonly block: string; readonly node: string },
): RepairWrite[] {
  const item = facts.blocks.get(block);
  if (!item || nodeOf(item.value) !== node || blockProblems(item.value).length > 0) return [];
  const affinity = facts.affinities.get(`host:${node}/${block}`);
  const { affinity: _node, affinity_claim_time: _time, ...orphaned } = item.value;
  const value = { ...orphaned, sequenceNumber: orphaned.sequenceNumber + 1n };
  const { key, revision } = item;
  const leaves: Write = isEmpty(item.value) ? deletion(item) : { op: "update", key, value, revision };
  return [
    ...(affinity && affinity.value.state !== "pendingDeletion" ? [{ write: marked(affinity), isStep: true }] : []),
    { write: leaves },
    ...(affinity ? [plain(deletion(affinity))] : []),
  ];
}

function unusedGoes(facts: IpamFacts, { block, node }: Extract<Finding, { kind: "unusedBlock" }>): RepairWrite[] {
  if (node !== null) return blockLeavesNode(facts, { block, node });
  const item = facts.blocks.get(block);
  return item && item.value.affinity === undefined && isEmpty(item.value) ? [plain(deletion(item))] : [];
}

function marked({ key, value, revision }: Item<"BlockAffinity">): Write {
  return { op: "update", key, value: { ...value, state: "pendingDeletion" }, revision };
}

/** When nothing else of it is left. */
function nodeGoes(facts: IpamFacts, node: string): RepairWrite[] {
  const item = facts.nodes.get(node);
  const isLeft =
    [...facts.blocks.values()].some(({ value }) => nodeOf(value) === node) ||
    [...facts.affinities.keys()].some((name) => name.startsWith(`host:${node}/`)) ||
    [...facts.endpoints.values()].some(({ value }) => value.spec.node === node);
  return item && isGone(node, facts) && !isLeft ? [plain(deletion(item))] : [];
}

/** Blocks that are only looked at. */
function resting(facts: IpamFacts, held: readonly HeldAddress[], named: readonly string[] = []): RepairWrite[] {
  const cidrs = new Set([...held.map(({ block }) => block), ...named]);
  return [...cidrs].slice(0, blocksMax).map((cidr) => plain(unchanged(facts.blocks.get(cidr), blockKey(cidr))));
}

function deletion<K extends Kind>({ key, revision }: { readonly key: Key<K>; readonly revision: string }): Write {
  return { op: "delete", key, revision };
}

function plain(write: Write): RepairWrite {
  return { write };
}
