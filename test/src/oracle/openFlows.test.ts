/** Open flows, when policy comes to deny them and they are to end: neither side gets another word through, and all others go on. */
import { type Address, formatAddress } from "@brindle/net";
import { type FlowSocket, openFlowSocket } from "@brindle/net/shell";
import {
  ChainVerdicts,
  type Cluster,
  endedFlowMark,
  evaluate,
  flowMarks,
  type NodeNetwork,
  type Packet,
} from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { desiredOf, isAllowed } from "./oracle.ts";
import { nodeAddresses, nodeName, PolicyNode } from "./policyNode.ts";
import { listenPorts, plainEndpoints, randomPackets } from "./randomCase.ts";
import { randomTransition, type Transition } from "./transition.ts";

const transitions = 4;
const packetsOfEach = 300;
const deadlineMs = 10_000;
const udp = 17;
const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 1_000_000);
const withEnding = { endsFlows: true } as const;

function answer({ source, destination, sourcePort, destinationPort, ...rest }: Packet): Packet {
  return {
    ...rest,
    source: destination,
    destination: source,
    ...(destinationPort !== undefined && { sourcePort: destinationPort }),
    ...(sourcePort !== undefined && { destinationPort: sourcePort }),
  };
}

const network: NodeNetwork = {
  isOwn: (address) => nodeAddresses.includes(formatAddress(address)),
  towards: () => ["uplink"],
};

const ownPods: ReadonlySet<string> = new Set(
  plainEndpoints()
    .filter(({ spec }) => spec.node === nodeName)
    .flatMap(({ spec }) => (spec.ipNetworks ?? []).map((text) => text.slice(0, text.indexOf("/")))),
);

/** What a node does with its own pods is no question of open flows. */
function isOfOthers({ source, destination, protocol }: Packet): boolean {
  const ends = [source, destination];
  const isOwnPods = (address: Address): boolean => ownPods.has(formatAddress(address));
  return protocol === udp && !(ends.some(network.isOwn) && ends.some(isOwnPods));
}

function hasHosts({ hostEndpoints = [] }: Cluster): boolean {
  return hostEndpoints.length > 0;
}

interface Opened extends Transition {
  /** Packets that open a flow before it. */
  readonly opening: readonly Packet[];
}

/** The first from a seed on after which host endpoints end a flow, or there are none. */
function transitionWith(from: number, hosts: boolean): Opened {
  const transition = randomTransition(from);
  const { before, after } = transition;
  const packets = randomPackets(from, packetsOfEach, { ofNode: hosts ? 0.4 : 0 }).filter(isOfOthers);
  const opening = packets.filter((packet) => isAllowed(before, packet));
  const isMeant = hosts ? opening.some((packet) => isDeniedByHosts(after, packet)) : !hasHosts(after);
  return isMeant ? { ...transition, opening } : transitionWith(from + 1, hosts);
}

function isDeniedByHosts(cluster: Cluster, packet: Packet): boolean {
  return evaluate(cluster, packet).hosts.some(({ verdict }) => verdict === "deny");
}

describe.each(["nft", "legacy"] as const)(`flows that are open, backend %s, BRINDLE_SEED=${seed},`, (backend) => {
  let node: PolicyNode;
  let flows: FlowSocket;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
    flows = await openFlowSocket({ namespace: node.namespace.path });
  });
  afterAll(async () => {
    flows?.close();
    await node?.[Symbol.asyncDispose]();
  });

  const passing = async (packets: readonly Packet[], expected: ReadonlySet<Packet>): Promise<readonly Packet[]> => {
    const passed = await node.sendOfOpenFlows(packets, expected, deadlineMs);
    return packets.filter((packet) => passed.has(packet));
  };

  /** As the agent does after a change. */
  async function endFlows(cluster: Cluster): Promise<void> {
    const verdicts = new ChainVerdicts(desiredOf(cluster, withEnding));
    const marks = flowMarks(await flows.list(), verdicts, network);
    await flows.mark(marks.toEnd, { value: endedFlowMark, mask: endedFlowMark });
    await flows.mark(marks.toLet, { value: 0, mask: endedFlowMark });
  }

  it.each([true, false])(
    "end or go on as the new policy says, of the opener's words first: %s",
    async (isOpenersFirst) => {
      let [ended, kept, endedByHosts] = [0, 0, 0];
      for (let index = 0; index < transitions; index++) {
        const { before, after, opening } = transitionWith(seed * 1_000 + index * 100, index % 2 === 0);
        await node.apply(desiredOf(before, withEnding));
        await node.send([], new Set(), 0); // Nothing is known to conntrack.
        expect(await passing(opening, new Set(opening))).toEqual(opening);
        const answers = opening.map(answer);
        expect(await passing(answers, new Set(answers))).toEqual(answers);

        await node.apply(desiredOf(after, withEnding));
        await endFlows(after);
        const goesOn = opening.map((packet) => isAllowed(after, packet));
        const expected = (packets: readonly Packet[]): Packet[] => packets.filter((_, at) => goesOn[at]);
        // Twice: the second packet is where a flow would pass that the first had opened anew.
        const turns = isOpenersFirst ? [opening, answers] : [answers, opening];
        for (const packets of [...turns, ...turns]) {
          expect(await passing(packets, new Set(expected(packets))), `transition ${index}`).toEqual(expected(packets));
        }
        kept += goesOn.filter(Boolean).length;
        ended += goesOn.filter((isOn) => !isOn).length;
        endedByHosts += opening.filter((packet) => isDeniedByHosts(after, packet)).length;

        await node.apply(desiredOf(before, withEnding));
        await endFlows(before);
        expect(await passing(answers, new Set(answers)), "allowed again").toEqual(answers);
      }
      expect(Math.min(ended, kept)).toBeGreaterThan(transitions);
      expect(endedByHosts).toBeGreaterThan(0);
    },
  );
});
