/** What host endpoints add to the tables: whole tables before the filter's, and rules among those for pods. */
import type { Family } from "@brindle/net";
import type { Failsafes } from "../hosts.ts";
import { type GateContext, gateChains, type HostChains, hostGates } from "./hostChains.ts";
import type { Chain, ChainRule, Hook, Match, TableContent } from "./ir.ts";
import { allowedMark, chains, hostAllowedMark, passedMark } from "./names.ts";
import { denied, hook, rule } from "./tables.ts";

export interface HostInput {
  readonly family: Family;
  readonly hosts: readonly HostChains[];
  readonly failsafes: Failsafes;
  readonly deniedFlowsPerSecond: number;
  /** Of policies that are asked before connections are tracked, and before destinations are translated. */
  readonly untracked: readonly Chain[];
  readonly preDnat: readonly Chain[];
}

export interface HostTables {
  readonly raw: TableContent;
  readonly mangle: TableContent;
  readonly filter: HostFilter;
}

/** Among the rules of the filter table that are for pods. */
export interface HostFilter {
  readonly chains: readonly Chain[];
  /** For what is not from a pod. */
  readonly input: readonly ChainRule[];
  /** For what is not to a pod. */
  readonly output: readonly ChainRule[];
  readonly beforePods: readonly ChainRule[];
  readonly behindPods: readonly ChainRule[];
  readonly forwardEnd: readonly ChainRule[];
}

const empty: TableContent = { chains: [], hooks: [] };

export const noHosts: HostFilter = {
  chains: [],
  input: [],
  output: [],
  beforePods: [],
  behindPods: [],
  forwardEnd: [],
};

const allowed: Match = { kind: "mark", mark: allowedMark, negated: false };
const hostAllowed: Match = { kind: "mark", mark: hostAllowedMark, negated: false };
const notHostAllowed: Match = { ...hostAllowed, negated: true };
const clearHostAllowed: ChainRule = rule([], { kind: "clearMark", mark: hostAllowedMark }, "nothing decided yet");

export function renderHosts({ hosts, untracked, preDnat, deniedFlowsPerSecond, ...context }: HostInput): HostTables {
  if (hosts.length === 0) return { raw: empty, mangle: empty, filter: noHosts };
  const rawIn = gateChains(hostGates.rawIn, hosts, context);
  const rawOut = gateChains(hostGates.rawOut, hosts, context);
  const mangled = gateChains(hostGates.preDnat, hosts, context);
  const early = (gates: readonly Chain[], policies: readonly Chain[], hooks: readonly Hook[]): TableContent =>
    earlyTable(gates, { policies, hooks, deniedFlowsPerSecond });
  return {
    raw: early([...cleared(rawIn), ...cleared(rawOut)], untracked, [
      ...hooked(rawIn, "PREROUTING"),
      ...hooked(rawOut, "OUTPUT"),
    ]),
    mangle: early(
      rawIn.length > 0 ? askedOfTheRest(mangled) : cleared(mangled),
      preDnat,
      hooked(mangled, "PREROUTING"),
    ),
    filter: filterOf(hosts, context, {
      isEarlyIn: rawIn.length + mangled.length > 0,
      isEarlyOut: rawOut.length > 0,
    }),
  };
}

/** The first is the dispatch: whoever marked the packet before, it was not one of us. */
function cleared([dispatch, ...others]: readonly Chain[]): Chain[] {
  if (!dispatch) return [];
  return [{ ...dispatch, rules: [clearHostAllowed, ...dispatch.rules] }, ...others];
}

/** What is allowed in the table raw is asked nothing more, and its mark has to stay. */
function askedOfTheRest([dispatch, ...others]: readonly Chain[]): Chain[] {
  if (!dispatch) return [];
  const allowedInRaw = rule([hostAllowed], { kind: "return" }, "allowed before tracking");
  return [{ ...dispatch, rules: [allowedInRaw, ...dispatch.rules] }, ...others];
}

function hooked([dispatch]: readonly Chain[], chain: "PREROUTING" | "OUTPUT"): Hook[] {
  return dispatch ? [hook(chain, dispatch.name)] : [];
}

interface EarlyTable extends Pick<HostInput, "deniedFlowsPerSecond"> {
  readonly policies: readonly Chain[];
  readonly hooks: readonly Hook[];
}

/** With what policies go to when they have decided. A table of another kind can drop as well, and not reject. */
function earlyTable(gates: readonly Chain[], { policies, hooks, deniedFlowsPerSecond }: EarlyTable): TableContent {
  if (gates.length === 0) return empty;
  const ends: Chain[] = [
    { name: chains.allow, rules: [rule([], { kind: "setMark", mark: allowedMark }, "allowed")] },
    { name: chains.pass, rules: [rule([], { kind: "setMark", mark: passedMark }, "passed on to the next tier")] },
    { name: chains.denied, rules: denied({ deniedFlowsPerSecond, denyAction: "Drop" }) },
  ];
  return { chains: [...gates, ...ends, ...policies], hooks };
}

function filterOf(
  hosts: readonly HostChains[],
  context: GateContext,
  { isEarlyIn, isEarlyOut }: { readonly isEarlyIn: boolean; readonly isEarlyOut: boolean },
): HostFilter {
  const [input, output, forwardIn, forwardOut] = (["input", "output", "forwardIn", "forwardOut"] as const).map((gate) =>
    gateChains(hostGates[gate], hosts, context),
  );
  const jump = (gate: readonly Chain[] = [], matches: readonly Match[] = []): ChainRule[] =>
    gate[0] ? [rule(matches, { kind: "jump", chain: gate[0].name }, "host endpoints")] : [];
  const early = rule([hostAllowed], { kind: "accept" }, "allowed before the filter");
  const forwards = (forwardIn?.length ?? 0) + (forwardOut?.length ?? 0) > 0;
  const unmarked = rule([], { kind: "clearMark", mark: allowedMark | passedMark }, "nothing decided yet");
  return {
    chains: [input, output, forwardIn, forwardOut].flatMap((gate) => gate ?? []),
    input: [...(isEarlyIn ? [early] : []), ...jump(input)],
    output: [...(isEarlyOut ? [early] : []), ...jump(output)],
    beforePods: [...(forwards ? [unmarked] : []), ...jump(forwardIn, isEarlyIn ? [notHostAllowed] : [])],
    behindPods: jump(forwardOut),
    forwardEnd: [
      ...(forwards ? [rule([allowed], { kind: "accept" }, "allowed by policy")] : []),
      ...(isEarlyIn ? [rule([hostAllowed], { kind: "accept" }, "allowed before the filter")] : []),
    ],
  };
}
