/** What is wrong with blocks and with nodes' claims of them. */
import { containsPrefix, type Prefix, parsePrefix } from "@brindle/net";
import { isEmpty, nodeOf } from "../block.ts";
import { blockProblems } from "../blockProblems.ts";
import { isBlockOf } from "../claim.ts";
import { choosePools } from "../pools.ts";
import { type IpamFacts, isAway, isGone } from "./facts.ts";
import type { Finding } from "./finding.ts";

export function examineClaims(facts: IpamFacts): Finding[] {
  return [
    ...invalidBlocks(facts),
    ...overlaps(facts),
    ...blocksOfNodes(facts),
    ...unusedBlocks(facts),
    ...affinitiesOfNodes(facts),
  ];
}

function invalidBlocks({ blocks }: IpamFacts): Finding[] {
  return [...blocks.values()].flatMap(({ value }): Finding[] => {
    const problems = blockProblems(value);
    return problems.length > 0 ? [{ kind: "invalidBlock", block: value.cidr, problems }] : [];
  });
}

/** By address, then the larger first: each that lies in another comes after it. */
function overlaps({ blocks }: IpamFacts): Finding[] {
  const prefixes = [...blocks.keys()].flatMap((cidr) => {
    const prefix = parsePrefix(cidr);
    return prefix ? [{ cidr, prefix }] : [];
  });
  prefixes.sort((a, b) => order(a.prefix, b.prefix));
  const findings: Finding[] = [];
  let outer = prefixes[0];
  for (const inner of prefixes.slice(1)) {
    if (outer && containsPrefix(outer.prefix, inner.prefix))
      findings.push({ kind: "overlap", block: outer.cidr, other: inner.cidr });
    else outer = inner;
  }
  return findings;
}

function order(a: Prefix, b: Prefix): number {
  if (a.address.family !== b.address.family) return a.address.family - b.address.family;
  if (a.address.value !== b.address.value) return a.address.value < b.address.value ? -1 : 1;
  return a.length - b.length;
}

function blocksOfNodes(facts: IpamFacts): Finding[] {
  return [...facts.blocks.values()].flatMap(({ value }): Finding[] => {
    const node = nodeOf(value);
    if (node === null || blockProblems(value).length > 0) return [];
    const block = value.cidr;
    if (isGone(node, facts)) {
      const inUse = value.allocations.filter((index) => index !== null).length;
      return [{ kind: "blockOfGoneNode", block, node, inUse }];
    }
    return facts.affinities.has(`host:${node}/${block}`) ? [] : [{ kind: "blockWithoutAffinity", block, node }];
  });
}

/** Of a node that is away or gone others judge; Services' blocks are others'. */
function unusedBlocks(facts: IpamFacts): Finding[] {
  return [...facts.blocks.values()].flatMap(({ value }): Finding[] => {
    const { cidr: block, affinity, sequenceNumber } = value;
    const node = nodeOf(value);
    if (blockProblems(value).length > 0 || !isEmpty(value) || value.deleted) return [];
    if (affinity === undefined) return [{ kind: "unusedBlock", block, node: null, sequenceNumber }];
    if (node === null || isGone(node, facts) || isAway(node, facts) || mayUse(node, block, facts)) return [];
    return [{ kind: "unusedBlock", block, node, sequenceNumber }];
  });
}

/** What it asks for by name it gets of a block that is made for it then. */
function mayUse(node: string, block: string, { pools, nodes }: IpamFacts): boolean {
  const item = nodes.get(node);
  const prefix = parsePrefix(block);
  if (!item || !prefix) return true;
  const nodeLabels = item.value.metadata.labels ?? {};
  return pools.some((pool) => {
    const asked = pool.spec.assignmentMode === "Manual" ? { asked: [pool.metadata.name] } : {};
    const { namespaceSelector: _any, allowedUses: _anyUse, ...spec } = pool.spec;
    const query = { family: prefix.address.family, nodeLabels, ...asked };
    return choosePools([{ ...pool, spec }], query).usable.some((usable) => isBlockOf(usable, prefix));
  });
}

/** Of nodes alone: those of Services are others'. */
function affinitiesOfNodes(facts: IpamFacts): Finding[] {
  return [...facts.affinities.keys()].flatMap((affinity): Finding[] => {
    const [, node, block] = /^host:([^/]+)\/(.+)$/.exec(affinity) ?? [];
    if (node === undefined || block === undefined || isAway(node, facts)) return [];
    const item = facts.blocks.get(block);
    if (!item) {
      const isUnreadable = facts.undecodable.some(({ key }) => key.kind === "IPAMBlock");
      return isUnreadable ? [] : [{ kind: "affinityWithoutBlock", affinity, node, block }];
    }
    const owner = item.value.affinity ?? null;
    return owner === `host:${node}` ? [] : [{ kind: "lostAffinity", affinity, node, block, owner }];
  });
}
