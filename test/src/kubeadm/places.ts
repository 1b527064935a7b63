/** Where packets are sent from and where they arrive, each place with the programs of this machine. */
import {
  type CommandOptions,
  type Daemon,
  type Outcome,
  run,
  type SpawnOptions,
  startDaemon,
} from "../fixtures/command.ts";
import type { Cluster } from "../fixtures/kubeadm/cluster.ts";
import type { ClusterNode } from "../fixtures/kubeadm/node.ts";

export interface Place {
  readonly name: string;
  /** Of its network namespace, for nsenter. */
  readonly path: string;
  run(command: string, args?: readonly string[], options?: CommandOptions): Promise<Outcome>;
  spawn(command: string, args?: readonly string[], options?: SpawnOptions): Daemon;
}

/** The network of a node itself, as its own programs have it. */
export function networkOfNode(node: ClusterNode): Place {
  return placeAt(node.name, node.outside("/proc/1/ns/net"));
}

/** Outside the cluster, behind its router. */
export function clientOf({ client }: Cluster): Place {
  return placeAt("the client outside", client.path);
}

/** `path` is a network namespace's. */
export function placeAt(name: string, path: string): Place {
  const enter = (command: string, args: readonly string[]): string[] => [`--net=${path}`, "--", command, ...args];
  return {
    name,
    path,
    run: (command, args = [], options) => run("nsenter", enter(command, args), options),
    spawn: (command, args = [], options) => startDaemon("nsenter", enter(command, args), options),
  };
}

/** What is answered over HTTP, without the end of the line; `undefined` where nothing is. */
export async function fetchFrom(place: Place, url: string): Promise<string | undefined> {
  const { exitCode, stdout } = await place.run("curl", ["-s", "-f", "-m", "2", url]);
  return exitCode === 0 ? stdout.trim() : undefined;
}
