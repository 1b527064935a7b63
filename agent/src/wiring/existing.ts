/** What to do about an interface that already has the name which an attachment's node end needs. */
import type { Attachment } from "@brindle/cni";
import type { Link } from "@brindle/net";
import { markOf } from "./plan.ts";

export type Existing =
  | { readonly kind: "none" }
  /** Made by an earlier ADD for the same attachment. */
  | { readonly kind: "ours"; readonly link: Link }
  /** Made for an earlier container of the same pod, whose DEL has not come yet, or never will. */
  | { readonly kind: "predecessor"; readonly link: Link }
  | { readonly kind: "foreign"; readonly reason: string };

export function judgeExisting(link: Link | null, attachment: Attachment): Existing {
  if (!link) return { kind: "none" };
  if (isMarkedFor(link, attachment)) return { kind: "ours", link };
  // 1. Without our mark it is nobody's that we know, even if the name is one that we would give.
  const mark = link.alias?.match(/^brindle (\S+) (\S+)$/);
  if (!mark) return { kind: "foreign", reason: `the interface ${link.name} exists and is not Brindle's` };
  // 2. Kubernetes runs one sandbox of a pod's name at a time, so another container's is a dead one's.
  if (attachment.workload.orchestrator === "k8s" && mark[2] === attachment.interfaceName)
    return { kind: "predecessor", link };
  // 3. Names outside Kubernetes are cut from the container's id: two living containers may collide.
  return { kind: "foreign", reason: `the interface ${link.name} belongs to the container ${mark[1]}` };
}

export function isMarkedFor(link: Link, attachment: Attachment): boolean {
  return link.alias === markOf(attachment);
}
