/**
 * Which interfaces are gone, by their index, as soon as nobody can find them: in both namespaces of a veth. Whoever
 * deletes one is told some 20 ms later, when the kernel has waited for every reader of its structures
 * (netdev_run_todo); names and addresses are free before that.
 */
import { decodeLink, isLinkDeletion } from "../netlink/link.ts";
import { decodeMessages } from "../netlink/message.ts";
import type { Watch } from "./kernelWatch.ts";
import { deletedLinksAlone } from "./linkFilters.ts";
import type { NamespaceReference } from "./namespace.ts";
import { openNetlinkPort } from "./netlinkPort.ts";

const linkGroup = 1; // RTNLGRP_LINK

/** Some may be lost when more happens than there is room for: a deletion's own end tells of those. */
export function watchLinkRemovals(namespace: NamespaceReference, onGone: (interfaceIndex: number) => void): Watch {
  const port = openNetlinkPort({ protocol: 0, groups: [linkGroup], filter: deletedLinksAlone, namespace });
  let isOpen = true;
  port.onDatagram((datagram) => {
    for (const message of decodeMessages(datagram) ?? []) {
      const link = isLinkDeletion(message.type) ? decodeLink(message) : null;
      if (link && isOpen) onGone(link.index);
    }
  });
  const close = (): void => {
    if (isOpen) port.close();
    isOpen = false;
  };
  port.onError(close);
  return { close, [Symbol.dispose]: close };
}
