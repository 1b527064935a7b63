/** Signs of a network that is not ours: a runtime would ask another plugin, or two of them would undo each other's work. */
import type { Mistake } from "./mistakes.ts";

/** What a container runtime takes for lists of networks (libcni: ConfFiles). */
const listName = /\.(conflist|conf|json)$/;

/** `files` of the folder in which the runtime looks; it takes the first by name. */
export function listMistakes(
  files: readonly string[],
  { own, directory }: { own: string; directory: string },
): Mistake[] {
  const before = files.filter((file) => listName.test(file) && !file.startsWith(".") && file < own).sort();
  if (before.length === 0) return [];
  const text = `${before.map((file) => `${directory}/${file}`).join(", ")} ${before.length === 1 ? "comes" : "come"} before ${own}`;
  return [{ code: "OtherNetworkList", text }];
}

export interface NetworkTraces {
  readonly interfaces: readonly string[];
  /** Protocol numbers of routes. */
  readonly routeProtocols: readonly number[];
  /** Of all backends of the packet filter, as `table/chain` or plain. */
  readonly chains: readonly string[];
}

interface OtherNetwork {
  readonly name: string;
  readonly interfaces?: RegExp;
  readonly routeProtocol?: number;
  readonly chains?: RegExp;
}

export const felixRouteProtocol = 80;

/** What each leaves on a node that no other program makes, and that stays when its pods are gone. */
const others: readonly OtherNetwork[] = [
  { name: "Calico", interfaces: /^vxlan(-v6)?\.calico$/, routeProtocol: felixRouteProtocol, chains: /^cali-/ },
  { name: "Flannel", interfaces: /^flannel(\.|-v6\.)\d+$/, chains: /^FLANNEL-/ },
  { name: "Cilium", interfaces: /^cilium_(host|net|vxlan|geneve)$/, chains: /^CILIUM_/ },
  { name: "Weave", interfaces: /^(weave|vethwe-\w+)$/, chains: /^WEAVE/ },
  { name: "kube-router", interfaces: /^kube-bridge$/, chains: /^KUBE-(ROUTER|NWPLCY|POD-FW)-/ },
  { name: "Antrea", interfaces: /^antrea-(gw|tun)0$/, chains: /^ANTREA-/ },
  { name: "OVN-Kubernetes", interfaces: /^ovn-k8s-mp0$/, chains: /^OVN-KUBE-/ },
  { name: "kindnet", chains: /^KIND-/ },
];

export function traceMistakes({ interfaces, routeProtocols, chains }: NetworkTraces): Mistake[] {
  const found = others.flatMap(({ name, ...sign }) => {
    const seen = [
      ...first(
        "the interface",
        interfaces.filter((each) => sign.interfaces?.test(each)),
      ),
      ...first(
        "the chain",
        chains.filter((each) => sign.chains?.test(each)),
      ),
      ...(sign.routeProtocol !== undefined && routeProtocols.includes(sign.routeProtocol)
        ? [`routes of protocol ${sign.routeProtocol}`]
        : []),
    ];
    return seen.length > 0 ? [`of ${name} ${seen.join(", ")}`] : [];
  });
  return found.length === 0 ? [] : [{ code: "OtherNetwork", text: `there ${isAre(found)} ${found.join("; ")}` }];
}

function first(what: string, [one, ...more]: readonly string[]): string[] {
  if (one === undefined) return [];
  return [more.length === 0 ? `${what} ${one}` : `${what} ${one} and ${more.length} more`];
}

function isAre(found: readonly string[]): string {
  return found.length === 1 ? "is" : "are";
}
