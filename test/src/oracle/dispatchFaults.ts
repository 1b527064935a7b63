/** Faults of the way from an interface to the chain of its pod. */
import { formatSetElement } from "@brindle/net";
import type { DesiredSet } from "@brindle/policy";
import { chainOf, ends, everyRule, type Fault, ingress, keyed, ledTo, swapped, tcpTo } from "./faultKit.ts";
import { clusterWith } from "./randomCase.ts";

export const dispatchFaults: readonly Fault[] = [
  {
    name: "the chain of another pod",
    cluster: ingress([tcpTo(80)]),
    spoil: ledTo((desired) => chainOf(desired, "p3")),
  },
  {
    name: "the chain of the other direction",
    cluster: ingress([tcpTo(80)]),
    spoil: ledTo((desired) => chainOf(desired, "p2", "Egress")),
  },
  {
    name: "a chain that has no rule in the dispatch",
    cluster: ingress([tcpTo(80)]),
    spoil: (desired) =>
      everyRule((rule) => (rule.target.kind === "goto" && rule.target.chain === chainOf(desired, "p2") ? null : rule))(
        desired,
      ),
  },
  {
    name: "a pod that is in no set of the dispatch",
    cluster: clusterWith([]),
    spoil: ends((end) => (end.interfaceName === "calip2" ? [] : [end])),
  },
  {
    name: "a pod with the interface of another",
    cluster: clusterWith([]),
    spoil: ends((end) => [end.interfaceName === "calip2" ? { ...end, interfaceName: "calip3" } : end]),
  },
  {
    name: "a pod in the set of another chain",
    cluster: ingress([tcpTo(80)]),
    spoil: (desired) => {
      const own = [...desired.sets.values()].find(
        ({ growth, family, members: of }) =>
          growth === "admits" && family === 4 && of.size === 1 && of.has("10.65.0.2/32,calip2"),
      );
      const sets = [...desired.sets].map(([name, set]): [string, DesiredSet] => {
        if (set.growth !== "admits" || set.family !== 4 || own === undefined) return [name, set];
        const elements = [...set.members.values()].filter((end) => !formatSetElement(end).endsWith("calip2"));
        return [
          name,
          { ...set, members: name === own.name ? keyed(elements) : keyed([...elements, ...own.members.values()]) },
        ];
      });
      return { ...desired, sets: new Map(sets) };
    },
  },
  {
    name: "ends looked for on the other side",
    cluster: clusterWith([]),
    spoil: everyRule((rule) => ({
      ...rule,
      matches: rule.matches.map((match) => (match.kind === "ends" ? { ...match, side: swapped(match.side) } : match)),
    })),
  },
];
