/**
 * The name of a WorkloadEndpoint holds its node, orchestrator, workload and endpoint, joined by "-". A "-" inside a part
 * is doubled, so that the parts can be told apart again: `node1-k8s-web--0-eth0` is eth0 of the pod web-0 on node1.
 */

export interface WorkloadEndpointIdentity {
  readonly node: string;
  readonly orchestrator: string;
  /** The pod of an endpoint of Kubernetes (`k8s`), the workload of any other. */
  readonly pod?: string;
  readonly workload?: string;
  readonly endpoint: string;
}

export function workloadEndpointName(identity: WorkloadEndpointIdentity): string {
  const workload = identity.orchestrator === "k8s" ? identity.pod : identity.workload;
  return [identity.node, identity.orchestrator, workload ?? "", identity.endpoint].map(doubled).join("-");
}

/** How the names of all endpoints of a node begin: a prefix for listing them. */
export function workloadEndpointPrefix(node: string, orchestrator = "k8s"): string {
  return `${doubled(node)}-${doubled(orchestrator)}-`;
}

/** `null` for what is no name of four parts. */
export function parseWorkloadEndpointName(name: string): WorkloadEndpointIdentity | null {
  const parts = splitParts(name);
  const [node, orchestrator, workload, endpoint] = parts;
  if (parts.length !== 4 || !node || !orchestrator || !workload || !endpoint) return null;
  return { node, orchestrator, endpoint, ...(orchestrator === "k8s" ? { pod: workload } : { workload }) };
}

function doubled(part: string): string {
  return part.replaceAll("-", "--");
}

/** A run of "-" is as many doubled ones as fit; a single one left over ends the part. Names neither begin nor end with one. */
function splitParts(name: string): string[] {
  return name
    .replaceAll("--", "\0")
    .split("-")
    .map((part) => part.replaceAll("\0", "-"));
}
