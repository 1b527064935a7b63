/** The kernel's connection tracking of one network namespace, over a netlink socket that stays open. */

import { isKernelError } from "../kernelError.ts";
import { decodeFlow, type Flow, listFlows, markFlow } from "../netfilter/flow.ts";
import { netfilterProtocol } from "../netfilter/message.ts";
import { type NamespaceReference, warmThreadPool } from "./namespace.ts";
import { openNetlinkPort } from "./netlinkPort.ts";
import { NetlinkSocket } from "./netlinkSocket.ts";

export interface FlowSocketOptions {
  /** The thread's own namespace when left out. */
  readonly namespace?: NamespaceReference;
}

export class FlowSocket implements Disposable {
  readonly #socket: NetlinkSocket;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Those that came or went while it was read may be missing, or there twice. */
  async list(): Promise<Flow[]> {
    const messages = await this.#socket.dump({ ...listFlows(), object: "flows" });
    return messages.flatMap((message) => decodeFlow(message) ?? []);
  }

  /** Sets the bits of `mask` in the marks of flows. One that is gone by now is no error. Answers how many were marked. */
  async mark(flows: Iterable<Flow>, mark: { readonly value: number; readonly mask: number }): Promise<number> {
    const requests = [...flows].map((flow) => ({ ...markFlow(flow, mark), object: "mark of a flow" }));
    let marked = 0;
    for (const outcome of await this.#socket.apply(requests)) {
      if (outcome.kind === "done") marked += 1;
      else if (!isKernelError(outcome.error, "NOT_FOUND")) throw outcome.error;
    }
    return marked;
  }

  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

export async function openFlowSocket({ namespace }: FlowSocketOptions = {}): Promise<FlowSocket> {
  await warmThreadPool();
  const port = openNetlinkPort({ protocol: netfilterProtocol, ...(namespace !== undefined && { namespace }) });
  return new FlowSocket(new NetlinkSocket(port));
}
