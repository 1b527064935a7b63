import {
  type CommandOptions,
  type Daemon,
  exec,
  type Outcome,
  run,
  type SpawnOptions,
  startDaemon,
} from "../../fixtures/command.ts";
import { registryRoot } from "../../fixtures/instance.ts";
import type { NamespaceView } from "../../fixtures/namespace.ts";
import { waitFor } from "../../fixtures/waitFor.ts";

/** Where a command runs. For a node that is its network and its files; for the rest the network alone. */
export interface Machine {
  readonly name: string;
  readonly namespace: NamespaceView;
  /** Arguments of nsenter. */
  readonly enter: readonly string[];
  exec(command: string, args?: readonly string[], options?: CommandOptions): Promise<string>;
  run(command: string, args?: readonly string[], options?: CommandOptions): Promise<Outcome>;
  spawn(command: string, args?: readonly string[], options?: SpawnOptions): Daemon;
  /** A path of this machine as seen from here: for sockets and files that only it has. */
  outside(path: string): string;
}

export function machineAt(name: string, namespace: NamespaceView, holderPid?: number): Machine {
  const enter = holderPid === undefined ? [`--net=${namespace.path}`] : [`--target=${holderPid}`, "--mount", "--net"];
  const inside = (command: string, args: readonly string[]): string[] => [...enter, "--", command, ...args];
  return {
    name,
    namespace,
    enter,
    exec: (command, args = [], options) => exec("nsenter", inside(command, args), options),
    run: (command, args = [], options) => run("nsenter", inside(command, args), options),
    spawn: (command, args = [], options) => startDaemon("nsenter", inside(command, args), options),
    outside: (path) => (holderPid === undefined ? path : `/proc/${holderPid}/root${path}`),
  };
}

/**
 * Gives a node files of its own: /run (sockets, the lock of iptables) and /var/lib. A process holds that mount namespace
 * open; it dies with the network namespace. Mounts still flow in from the host, so that network namespaces of pods made
 * later are there, and none flow out. The registry of labs stays in sight as well: the machine's commands are there.
 */
export async function holdMounts(namespace: NamespaceView, directory: string): Promise<Daemon> {
  const script = `
mkdir -p /run/netns ${directory}/netns ${directory}/labs
mount --rbind /run/netns ${directory}/netns
mount --rbind ${registryRoot} ${directory}/labs
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/netns ${registryRoot}
mount --rbind ${directory}/netns /run/netns
mount --rbind ${directory}/labs ${registryRoot}
mount -t tmpfs -o mode=755 lib /var/lib
mount -t sysfs sysfs /sys
echo holding
exec sleep infinity`;
  const holder = namespace.spawn("unshare", ["--mount", "--propagation", "slave", "/bin/sh", "-ec", script]);
  await waitFor(
    () => {
      holder.assertRunning();
      return holder.output().includes("holding");
    },
    { what: "the node's files are mounted", intervalMs: 5 },
  );
  return holder;
}
