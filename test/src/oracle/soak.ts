/** `npm run soak -- policy`: random states and random ways from one to the next, on both back ends, with real packets. */
import type { Cluster } from "@brindle/policy";
import type { OpenSoak, Soak } from "../soak/soak.ts";
import { playInstants } from "./instants.ts";
import { compare, describeMismatch } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import { listenPorts, plainEndpoints, randomPackets } from "./randomCase.ts";
import { agreedOn, play, randomTransition } from "./transition.ts";

const probesPerRound = 400;
/** Changes in the model of a kernel. */
const stepsPerRound = 10;

export const policySoak: Soak = {
  name: "policy",
  what: "packets pass as evaluate says, and on the way to another state nothing opens and nothing is interrupted",
  open: async () => {
    await using undo = new AsyncDisposableStack();
    const options = { endpoints: plainEndpoints(), ports: listenPorts };
    const nodes = {
      nft: undo.use(await PolicyNode.create({ ...options, backend: "nft", label: "nft" })),
      legacy: undo.use(await PolicyNode.create({ ...options, backend: "legacy", label: "leg" })),
    };
    const stack = undo.move();
    return {
      round: (seed) => round(seed % 2 === 0 ? nodes.nft : nodes.legacy, seed),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    } satisfies OpenSoak;
  },
};

async function round(node: PolicyNode, seed: number): Promise<Readonly<Record<string, number>>> {
  const { faults, instants } = await playInstants(seed, stepsPerRound);
  if (faults.length > 0) throw new Error(`in the model: ${faults[0]}`);
  const transition = randomTransition(seed);
  const outcome = await play(node, transition, agreedOn(transition, seed, probesPerRound / 2));
  const { passedThough, droppedThough, allowed, denied } = outcome;
  if (passedThough.length + droppedThough.length > 0) {
    throw new Error(`on the way passed, or was dropped: ${shown(passedThough)} / ${shown(droppedThough)}`);
  }
  const atEnd = await probe(node, transition.after, seed);
  return {
    probes: probesPerRound,
    denied: atEnd,
    underWay: allowed + denied,
    instants,
    deaths: transition.deathAfter ? 1 : 0,
  };
}

async function probe(node: PolicyNode, cluster: Cluster, seed: number): Promise<number> {
  const { denied, mismatches } = await compare(
    node,
    cluster,
    randomPackets(seed + 1, probesPerRound, { ofNode: cluster.hostEndpoints?.length ? 0.4 : 0 }),
  );
  const [mismatch] = mismatches;
  if (mismatch) throw new Error(await describeMismatch(node, cluster, mismatch));
  return denied;
}

function shown(packets: readonly unknown[]): string {
  return JSON.stringify(packets.slice(0, 3), (_, value) => (typeof value === "bigint" ? value.toString() : value));
}
