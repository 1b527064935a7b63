import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Daemon } from "../fixtures/command.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Machine } from "./topology/machine.ts";
import type { NodePlan } from "./topology/plan.ts";

export const cniSocket = "/run/brindle/cni.sock";
const entry = fileURLToPath(new URL("../../../agent/src/main.ts", import.meta.url));

/** The agent of one node, started as its service unit would. */
export interface NodeAgent {
  readonly node: NodePlan;
  readonly daemon: Daemon;
}

export async function startAgent(machine: Machine, node: NodePlan, etcd: string): Promise<NodeAgent> {
  const options = ["agent", "--node", node.name, "--etcd", etcd, "--ip", node.ip, "--ip6", node.ip6];
  // A socket that a killed agent left must not look like the new one's.
  await machine.exec("rm", ["-f", cniSocket]);
  const daemon = machine.spawn(process.execPath, ["--conditions=brindle-source", entry, ...options]);
  await waitFor(
    (saw) => {
      daemon.assertRunning();
      saw(daemon.output());
      return existsSync(machine.outside(cniSocket));
    },
    { what: `the agent of ${node.name} listens on ${cniSocket}`, intervalMs: 20 },
  );
  return { node, daemon };
}
