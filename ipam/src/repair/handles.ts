/** What is wrong with handles: leaks, and handles that do not count what the blocks hold. */
import { parseCidr } from "@brindle/net";
import { blockProblems } from "../blockProblems.ts";
import { blocksOf, countByBlock, hasCounts } from "../handle.ts";
import type { IpamFacts } from "./facts.ts";
import type { Finding, Leak } from "./finding.ts";
import type { Holding, Owners } from "./owners.ts";

export function examineHandles(facts: IpamFacts, held: readonly Holding[], owners: Owners): Finding[] {
  const byHandle = Map.groupBy(held, ({ handleId }) => handleId);
  const findings: Finding[] = [];
  for (const [handleId, holdings] of byHandle) {
    const leak = leakOf(holdings, owners);
    if (leak) findings.push(leak);
    else if (!facts.handles.has(handleId))
      findings.push({ kind: "missingHandle", handleId, addresses: holdings.map(plain) });
  }
  const leaked = new Set(findings.flatMap((finding) => (finding.kind === "leak" ? [finding.handleId] : [])));
  for (const [handleId, { value }] of facts.handles) {
    if (leaked.has(handleId) || !isOfAttachment(handleId) || namesDoubtfulBlock(facts, blocksOf(value))) continue;
    const holdings = (byHandle.get(handleId) ?? []).map(plain);
    if (hasCounts(value, countByBlock(holdings)) && holdings.length > 0) continue;
    const counted = Object.values(value.block).reduce((sum, count) => sum + count, 0);
    findings.push(
      holdings.length === 0
        ? { kind: "orphanHandle", handleId, counted }
        : { kind: "wrongCount", handleId, counted, held: holdings },
    );
  }
  return findings;
}

/** All of a handle, or nothing: the address of the other family is as good as in use. */
function leakOf(holdings: readonly Holding[], owners: Owners): Leak | null {
  const ownerships = holdings.map((holding) => owners.ownershipOf(holding));
  const [first] = ownerships;
  if (first?.kind !== "none" || ownerships.some(({ kind }) => kind !== "none")) return null;
  const handleId = holdings[0]?.handleId ?? "";
  const { node, owner, reason } = first;
  return { kind: "leak", handleId, node, owner, addresses: holdings.map(plain), reason };
}

function plain({ address, block, sequenceNumber }: Holding) {
  return { address, block, sequenceNumber };
}

/** Services' and tunnels' handles are others', and count as these like. */
function isOfAttachment(handleId: string): boolean {
  return handleId.includes(".") && !/^(lb-|windows-reserved|[a-z0-9-]+-tunnel-addr-)/.test(handleId);
}

/** What it holds there cannot be told. */
function namesDoubtfulBlock({ blocks, undecodable }: IpamFacts, cidrs: readonly string[]): boolean {
  const isUnreadable = (cidr: string) => undecodable.some(({ key }) => key.kind === "IPAMBlock" && key.name === cidr);
  // On Kubernetes an unreadable block's name may be that of its object, so that any may be meant.
  if (undecodable.some(({ key }) => key.kind === "IPAMBlock" && !parseCidr(key.name))) return true;
  return cidrs.some((cidr) => {
    const item = blocks.get(cidr);
    return isUnreadable(cidr) || (item !== undefined && blockProblems(item.value).length > 0);
  });
}
