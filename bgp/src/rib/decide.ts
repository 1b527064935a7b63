/** The decision process of RFC 4271 §9.1.2.2 as a numbered list. */

/** What a route is judged by. */
export interface Candidate {
  readonly eligible: boolean;
  readonly localPref: number;
  readonly asPathLength: number;
  /** 0 IGP, 1 EGP, 2 incomplete. */
  readonly origin: number;
  readonly med: number;
  readonly neighborAsn: number;
  readonly external: boolean;
  readonly igpCost: number;
  readonly bgpId: number;
  readonly clusterListLength: number;
  /** The order of the peers' addresses. */
  readonly peerRank: number;
  /** Of several routes of one peer, RFC 7911. */
  readonly pathId: number;
}

export const Rule = {
  eligible: 1,
  localPref: 2,
  asPathLength: 3,
  origin: 4,
  med: 5,
  external: 6,
  igpCost: 7,
  bgpId: 8,
  clusterList: 9,
  peer: 10,
  pathId: 11,
} as const;

export type RuleName = keyof typeof Rule;

/** The name of the rule with this number, of either sign. */
export function ruleName(number: number): RuleName {
  for (const [name, value] of Object.entries(Rule)) if (value === Math.abs(number)) return name as RuleName;
  throw new RangeError(`no decision rule has the number ${number}`);
}

/** The number of the rule that decided: positive when `a` is better, negative when `b` is. */
export function decide(a: Candidate, b: Candidate): number {
  // 1. A route we may not use loses to one we may.
  if (a.eligible !== b.eligible) return a.eligible ? Rule.eligible : -Rule.eligible;
  // 2. The higher local preference wins.
  if (a.localPref !== b.localPref) return a.localPref > b.localPref ? Rule.localPref : -Rule.localPref;
  // 3. The shorter AS path wins; a set counts as one.
  if (a.asPathLength !== b.asPathLength)
    return a.asPathLength < b.asPathLength ? Rule.asPathLength : -Rule.asPathLength;
  // 4. The lower origin wins: IGP, then EGP, then incomplete.
  if (a.origin !== b.origin) return a.origin < b.origin ? Rule.origin : -Rule.origin;
  // 5. The lower MED wins, but only between routes of one neighbouring AS. That makes `decide` no total order: never
  //    sort by it. `Rib` compares within each neighbour first.
  if (a.neighborAsn === b.neighborAsn && a.med !== b.med) return a.med < b.med ? Rule.med : -Rule.med;
  // 6. External beats internal.
  if (a.external !== b.external) return a.external ? Rule.external : -Rule.external;
  // 7. The nearer next hop wins.
  if (a.igpCost !== b.igpCost) return a.igpCost < b.igpCost ? Rule.igpCost : -Rule.igpCost;
  // 8. The lower BGP identifier wins; a reflected route keeps its originator's.
  if (a.bgpId !== b.bgpId) return a.bgpId < b.bgpId ? Rule.bgpId : -Rule.bgpId;
  // 9. The shorter cluster list wins.
  if (a.clusterListLength !== b.clusterListLength)
    return a.clusterListLength < b.clusterListLength ? Rule.clusterList : -Rule.clusterList;
  // 10. The lower peer address wins.
  if (a.peerRank !== b.peerRank) return a.peerRank < b.peerRank ? Rule.peer : -Rule.peer;
  // 11. The lower path identifier wins. Two routes of one peer have two, so this always decides.
  return a.pathId < b.pathId ? Rule.pathId : -Rule.pathId;
}
