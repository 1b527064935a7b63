/** Hears of each flow that conntrack comes to know, for as long as it is open: of no packet that was dropped. */
import { decodeFlow, type Flow } from "../netfilter/flow.ts";
import { netfilterProtocol } from "../netfilter/message.ts";
import { decodeMessages } from "../netlink/message.ts";
import { type NamespaceReference, warmThreadPool } from "./namespace.ts";
import { openNetlinkPort } from "./netlinkPort.ts";

export interface FlowEventsOptions {
  /** The thread's own when left out. */
  readonly namespace?: NamespaceReference;
  readonly onFlow: (flow: Flow) => void;
  /** The kernel never waits for us: some found no room, nobody knows how many. */
  readonly onLost?: () => void;
}

export interface FlowEvents extends Disposable {
  close(): void;
}

/** NFNLGRP_CONNTRACK_NEW. With `nf_conntrack_events` at 2, its default, the kernel makes events while somebody hears them. */
const newFlows = 1;

export async function openFlowEvents({ namespace, onFlow, onLost }: FlowEventsOptions): Promise<FlowEvents> {
  await warmThreadPool();
  const groups = [newFlows];
  const port = openNetlinkPort({
    protocol: netfilterProtocol,
    groups,
    ...(namespace !== undefined && { namespace }),
  });
  port.onOverrun(() => onLost?.());
  port.onDatagram((datagram) => {
    for (const message of decodeMessages(datagram) ?? []) {
      const flow = decodeFlow(message);
      if (flow) onFlow(flow);
    }
  });
  port.onError(() => onLost?.());
  const close = (): void => port.close();
  return { close, [Symbol.dispose]: close };
}
