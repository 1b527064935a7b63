/** What does not fit together between blocks and handles: each finding one that a healthy cluster never shows. */
import type { IPAMBlock, IPAMHandle } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { handleOf, heldAt } from "./block.ts";
import { blockProblems } from "./blockProblems.ts";

export type AuditFinding =
  | { readonly kind: "invalidBlock"; readonly block: string; readonly problems: readonly string[] }
  /** An address of a handle that does not exist: a release would not find it. */
  | { readonly kind: "missingHandle"; readonly address: string; readonly handleId: string }
  /** The handle counts other than the block holds; `held` is zero when it holds nothing or does not exist. */
  | {
      readonly kind: "wrongCount";
      readonly handleId: string;
      readonly block: string;
      readonly counted: number;
      readonly held: number;
    };

export function audit(blocks: readonly IPAMBlock[], handles: ReadonlyMap<string, IPAMHandle>): AuditFinding[] {
  const findings: AuditFinding[] = [];
  const held = new Map<string, Map<string, number>>([...handles.keys()].map((handleId) => [handleId, new Map()]));
  for (const block of blocks) {
    const problems = blockProblems(block);
    if (problems.length > 0) {
      findings.push({ kind: "invalidBlock", block: block.cidr, problems });
      continue;
    }
    for (const { address, handleId } of holdings(block)) {
      const counts = held.get(handleId);
      if (counts) counts.set(block.cidr, (counts.get(block.cidr) ?? 0) + 1);
      else findings.push({ kind: "missingHandle", address, handleId });
    }
  }
  for (const [handleId, handle] of handles) findings.push(...wrongCounts(handleId, handle, held.get(handleId)));
  return findings;
}

function holdings(block: IPAMBlock): { readonly address: string; readonly handleId: string }[] {
  return [...block.allocations.entries()].flatMap(([ordinal, index]) => {
    const attribute = index === null ? undefined : block.attributes[index];
    const handleId = attribute && handleOf(attribute);
    return handleId === undefined ? [] : [{ address: formatAddress(heldAt(block, ordinal).address), handleId }];
  });
}

function wrongCounts(
  handleId: string,
  handle: IPAMHandle,
  held: ReadonlyMap<string, number> = new Map(),
): AuditFinding[] {
  const blocks = new Set([...Object.keys(handle.block), ...held.keys()]);
  return [...blocks]
    .map((block) => ({ block, counted: handle.block[block] ?? 0, held: held.get(block) ?? 0 }))
    .filter(({ counted, held }) => counted !== held)
    .map((counts) => ({ kind: "wrongCount" as const, handleId, ...counts }));
}
