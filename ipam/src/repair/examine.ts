/**
 * All that is wrong with the addresses of a cluster, of one reading. It says what, never what to do about it: a request
 * that is under way looks like a leak for a moment, which only a second reading tells (`quarantine.ts`).
 */
import { formatKey } from "@brindle/api";
import { examineClaims } from "./claims.ts";
import { examineEndpoints } from "./endpoints.ts";
import type { IpamFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { examineHandles } from "./handles.ts";
import { holdings, Owners } from "./owners.ts";

/** In the order in which they are to be repaired: what owns before what is owned, a Node last. */
export function examine(facts: IpamFacts): Finding[] {
  const held = holdings(facts);
  const owners = new Owners(facts);
  const findings = [
    ...facts.undecodable.map(({ key, reason }): Finding => ({ kind: "unreadable", object: formatKey(key), reason })),
    ...examineClaims(facts),
    ...examineHandles(facts, held, owners),
    ...examineEndpoints(facts, held, owners),
  ];
  return findings.toSorted((a, b) => ranks.indexOf(a.kind) - ranks.indexOf(b.kind));
}

const ranks: readonly Finding["kind"][] = [
  "unreadable",
  "invalidBlock",
  "overlap",
  "duplicate",
  "heldByOther",
  "notAllocated",
  "staleEndpoint",
  "leak",
  "missingHandle",
  "wrongCount",
  "orphanHandle",
  "blockWithoutAffinity",
  "lostAffinity",
  "affinityWithoutBlock",
  "blockOfGoneNode",
  "unusedBlock",
  "staleNode",
];
