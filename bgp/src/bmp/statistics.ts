/** Counts for collectors, as they are now (RFC 7854 §4.8, RFC 8671 §6.2). */
import type { Rib } from "../rib/rib.ts";
import { type Statistic, statistic } from "./messages.ts";
import type { MonitoredSession } from "./monitoredSession.ts";

/** Of those of 32 bits, loops of confederations (type 6) are left out: nobody is a member of one here, so none is looked for. */
const vainTypes = [
  ["refusedByPolicy", statistic.refusedByPolicy],
  ["toldTwice", statistic.toldTwice],
  ["withdrawnTwice", statistic.withdrawnTwice],
  ["clusterLoop", statistic.clusterLoop],
  ["asLoop", statistic.asLoop],
  ["originatorLoop", statistic.originatorLoop],
] as const;

export function sessionStatistics(rib: Rib, session: MonitoredSession): Statistic[] {
  const received = session.families.map((family) => ({ family, value: rib.counts(session.id, family).received }));
  const advertised = session.families.map((family) => ({ family, value: session.advertised(family) }));
  const inVain = vainTypes.map(([name, type]) => ({ type, value: rib.peers.vain[name].get(session.id) }));
  return [
    ...inVain.map((each) => ({ ...each, isCounter: true as const })),
    { type: statistic.treatedAsWithdrawal, value: session.treatedAsWithdrawal() % 2 ** 32, isCounter: true },
    { type: statistic.adjRibIn, value: sumOf(received) },
    ...received.map((each) => ({ type: statistic.adjRibInOfFamily, ...each })),
    { type: statistic.adjRibOutPostPolicy, value: sumOf(advertised) },
    ...advertised.map((each) => ({ type: statistic.adjRibOutPostPolicyOfFamily, ...each })),
  ];
}

/** Prefixes that have a route; one that none of its routes may be used for counts too, since to know costs a walk. */
export function locRibStatistics(rib: Rib): Statistic[] {
  return [{ type: statistic.locRib, value: rib.prefixes.size }];
}

function sumOf(counts: readonly { readonly value: number }[]): number {
  return counts.reduce((sum, { value }) => sum + value, 0);
}
