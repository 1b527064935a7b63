/** Which ranges the first pools of a cluster get. None is made up where Kubernetes knows one, or should. */
import { type Family, formatPrefix, parsePrefix } from "@brindle/net";
import type { Mistake } from "./mistakes.ts";
import { defaultIpv4PoolCidr, uniqueLocalPool } from "./registration.ts";

export interface PoolRanges {
  readonly cidrs: Readonly<Partial<Record<Family, string>>>;
  /** Why there is none of a family that should have one, and what to do; `null` where all is well. */
  readonly problem: Mistake | null;
}

/** `random`: five bytes. */
export function rangesWithoutKubernetes(
  asked: string | null,
  { families, random }: { readonly families: readonly Family[]; readonly random: Uint8Array },
): PoolRanges {
  const cidrs = {
    ...(families.includes(4) && { 4: asked ?? defaultIpv4PoolCidr }),
    ...(families.includes(6) && { 6: uniqueLocalPool(random) }),
  };
  return { cidrs, problem: null };
}

export interface KubernetesRanges {
  /** `null` where kubeadm did not make the cluster. */
  readonly podSubnets: readonly string[] | null;
  /** Of this node, as the controllers of Kubernetes cut them: parts of the range that nobody tells us. */
  readonly nodeCidrs: readonly string[];
}

export function rangesOfKubernetes(asked: string | null, { podSubnets, nodeCidrs }: KubernetesRanges): PoolRanges {
  const cidrs: Partial<Record<Family, string>> = {};
  for (const subnet of podSubnets ?? []) {
    const prefix = parsePrefix(subnet);
    if (!prefix) {
      return { cidrs: {}, problem: { code: "PodCidrUnreadable", text: `kubeadm's podSubnet ${subnet} is no network` } };
    }
    cidrs[prefix.address.family] ??= formatPrefix(prefix);
  }
  if (asked !== null) cidrs[4] = asked;
  if (Object.keys(cidrs).length > 0) return { cidrs, problem: null };
  const why =
    podSubnets === null
      ? "kubeadm, which would know the range of pods, did not make this cluster"
      : "kubeadm was given no range of pods (--pod-network-cidr)";
  const hint = nodeCidrs.length > 0 ? `; ${nodeCidrs.join(" and ")}, which this node has of it, is a part` : "";
  return { cidrs, problem: { code: "PodCidrMissing", text: `no IPPool: ${why}${hint}` } };
}
