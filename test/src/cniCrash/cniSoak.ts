import type { Soak } from "../soak/soak.ts";
import { openCrashNode } from "./crashNode.ts";
import { crashRound } from "./crashRound.ts";

const operations = 250;
const killEvery = 30;
const sandboxes = 24;

/** Forty rounds are ten thousand ADDs and DELs. */
export const cniSoak: Soak = {
  name: "cni",
  what: "agent and executable are killed through ADDs and DELs: no address twice, none lost, kernel, store and disk agree",
  least: { counts: ["ADDs", "DELs"], sum: 10_000 },
  async open() {
    const node = await openCrashNode();
    const namespaces = await node.createNamespaces(sandboxes);
    return {
      round: (seed) => crashRound(node, { seed, operations, killEvery, namespaces }),
      [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
    };
  },
};
