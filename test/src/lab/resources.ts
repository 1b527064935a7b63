import { stringify } from "yaml";
import type { Fabric } from "./topology/fabric.ts";
import type { FabricPlan } from "./topology/plan.ts";

/** What the operator of this fabric writes with `brindlectl apply`, and all that is written. */
export function fabricResources(fabric: Fabric, plan: FabricPlan): string {
  return documents([
    resource("BGPConfiguration", "default", { asNumber: fabric.nodeAsn, nodeToNodeMeshEnabled: true }),
    ...fabric.podRanges.map((cidr) =>
      resource("IPPool", cidr.includes(":") ? "pods-ipv6" : "pods-ipv4", {
        cidr,
        ipipMode: "Never",
        vxlanMode: "Never",
        natOutgoing: false,
      }),
    ),
    // Node labels name the rack, and a peering selects nodes by it.
    ...plan.nodes.map((node) => resource("Node", node.name, {}, { labels: { rack: `rack-${node.rack}` } })),
    ...fabric.racks.flatMap((rack) => {
      const node = plan.nodes.find((candidate) => candidate.rack === rack.number);
      return (node?.routers ?? []).map((router) =>
        resource("BGPPeer", router.name, {
          nodeSelector: `rack == 'rack-${rack.number}'`,
          peerIP: router.address,
          asNumber: router.asn,
        }),
      );
    }),
    // With etcd a namespace's profile is the operator's: without it nothing would be allowed that no policy allows.
    resource("Profile", "kns.default", { ingress: [{ action: "Allow" }], egress: [{ action: "Allow" }] }),
  ]);
}

/** Selected pods take nothing in but what `from` may send. Without `from` they take nothing. */
export function ingressPolicy(options: { name: string; selector: string; from?: string }): string {
  const ingress = options.from === undefined ? [] : [{ action: "Allow", source: { selector: options.from } }];
  const spec = { selector: options.selector, types: ["Ingress"], ingress };
  return documents([resource("NetworkPolicy", options.name, spec, { namespace: "default" })]);
}

type Data = Readonly<Record<string, unknown>>;

function resource(kind: string, name: string, spec: Data, metadata: Data = {}): Data {
  return { apiVersion: "projectcalico.org/v3", kind, metadata: { name, ...metadata }, spec };
}

function documents(resources: readonly Data[]): string {
  return resources.map((one) => stringify(one)).join("---\n");
}
