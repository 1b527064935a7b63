/**
 * Keeps a node registered: a Node that was deleted, and that its kubelet has made anew, knows nothing of the network. On
 * Kubernetes alone: in etcd the controllers take away what was registered of a node that is gone, and that would undo it.
 */
import type { Node } from "@brindle/api";

export interface RegistrationUpkeepPorts {
  /** The node as the datastore has it. */
  readonly node: () => Node | undefined;
  /** Resolves when it is done, or the agent is ended. */
  readonly register: () => Promise<unknown>;
}

export class RegistrationUpkeep {
  readonly #ports: RegistrationUpkeepPorts;
  #isRunning = false;

  constructor(ports: RegistrationUpkeepPorts) {
    this.#ports = ports;
  }

  /** At each change of what the datastore says. */
  changed(): void {
    if (this.#isRunning || isRegistered(this.#ports.node())) return;
    this.#isRunning = true;
    void this.#ports.register().finally(() => {
      this.#isRunning = false;
    });
  }
}

function isRegistered(node: Node | undefined): boolean {
  const { ipv4Address, ipv6Address } = node?.spec.bgp ?? {};
  return ipv4Address !== undefined || ipv6Address !== undefined;
}
