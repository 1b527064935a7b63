/** What to do about an interface that already has the name which an attachment's node end needs. */
import { type Attachment, attachmentKey } from "@brindle/cni";
import type { Link } from "@brindle/net";
import { hostMac, readMark } from "./plan.ts";

export type Existing =
  | { readonly kind: "none" }
  /** Made by an earlier ADD for the same attachment. */
  | { readonly kind: "ours"; readonly link: Link }
  /** Of no use to anyone: an earlier container's of the same pod, or one that an agent died over while making it. */
  | { readonly kind: "obsolete"; readonly link: Link }
  | { readonly kind: "foreign"; readonly reason: string };

export function judgeExisting(link: Link | null, attachment: Attachment): Existing {
  if (!link) return { kind: "none" };
  // 1. Each mark names its attachment.
  if (isMarkedFor(link, attachment)) return { kind: "ours", link };
  // 2. What is not finished was never used.
  if (isUnfinished(link)) return { kind: "obsolete", link };
  // 3. Without a mark it is nobody's that we know, even if the name is one that we would give.
  const mark = readMark(link.alias);
  if (!mark) return { kind: "foreign", reason: `the interface ${link.name} exists and is not Brindle's` };
  // 4. Kubernetes runs one sandbox of a pod's name at a time, so another container's is a dead one's.
  if (attachment.workload.orchestrator === "k8s" && mark.interfaceName === attachment.interfaceName)
    return { kind: "obsolete", link };
  // 5. Names outside Kubernetes are cut from the container's id: two living containers may collide.
  return { kind: "foreign", reason: `the interface ${link.name} belongs to the container ${mark.containerId}` };
}

/** Whether DEL may remove it. */
export function isRemovable(link: Link, attachment: Attachment): boolean {
  return isMarkedFor(link, attachment) || isUnfinished(link);
}

/** The kernel takes the mark only once the interface exists. In between it looks so, and as nobody else's does. */
function isUnfinished(link: Link): boolean {
  return link.alias === null && link.kind === "veth" && link.mac === hostMac && !link.up;
}

function isMarkedFor(link: Link, attachment: Attachment): boolean {
  const mark = readMark(link.alias);
  return mark !== null && attachmentKey(mark) === attachmentKey(attachment);
}
