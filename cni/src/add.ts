import {
  decodeResource,
  formatProblem,
  type QosControls,
  unmanagedAnnotation,
  type WorkloadEndpoint,
} from "@brindle/api";
import { type Address, type Family, formatAddress } from "@brindle/net";
import type { Attachment } from "./attachment.ts";
import { handleOf } from "./attachment.ts";
import { nothingBeyond, requireAllowed, requireFirst, requireFitting, requireUndisputed } from "./beyondOwn.ts";
import type { IpamConfig, PluginConfig } from "./config.ts";
import { CniError } from "./error.ts";
import { isPluginsWork, limitsAskedFor } from "./limits.ts";
import type { AddressRequest, PodDescription, Ports } from "./ports.ts";
import { joinedRequests, type Requested, requestedByAnnotations } from "./requested.ts";
import type { Added } from "./result.ts";
import { workloadEndpoint } from "./workloadEndpoint.ts";

export interface AddRequest {
  readonly attachment: Attachment & { readonly netns: string };
  readonly config: PluginConfig;
  /** Aborted when nobody waits for the answer any more: what was made is then unmade. */
  readonly signal: AbortSignal;
}

/**
 * Address, policy, wire: in this order, so that no packet reaches a pod whose policy is not in force; the interface alone,
 * down and without address, is made beside the first two. Whatever fails, all that this call made is unmade; what an
 * earlier call made for the same attachment stays, for it may be in use.
 */
export async function add(request: AddRequest, ports: Ports): Promise<Added> {
  const { config, signal } = request;
  await requireReady(ports);
  const pod = await ports.pods.describe(request.attachment);
  const requested = requestedOf(request, pod);
  requireBypass(requested, config);
  const limits = await limitsOf(request, pod, ports);
  const { beyond = nothingBeyond } = ports;
  const ungiven = [...requested.unmanaged, ...requested.floating];
  using hold = beyond.hold(ungiven, request.attachment);
  if (ungiven.length > 0) await requireFirst(hold);
  await requireAllowed(requested, request.attachment, beyond);
  const attachment = { ...request.attachment, mac: requested.mac ?? request.attachment.mac };
  await using undo = new AsyncDisposableStack();
  using expected = new DisposableStack();

  const owner = { attachment, node: ports.node, labels: config.labels, pod: pod?.endpoint ?? null, limits };
  // Policy is asked for the very one that is written.
  let made: { readonly of: string; readonly value: WorkloadEndpoint } | null = null;
  const endpoint = (addresses: readonly Address[]) => {
    const of = addresses.map(formatAddress).join();
    if (made?.of !== of) made = { of, value: readable(workloadEndpoint(owner, addresses)) };
    return made.value;
  };
  const planned = (addresses: readonly Address[]) => {
    const value = endpoint(addresses);
    expected.use(ports.policy.expect(value));
    return value;
  };
  const wanted = {
    ...{ attachment, handle: handleOf(attachment), endpoint: planned, addresses: requested.addresses },
    ...(requested.unmanaged.length > 0 && { unmanaged: requested.unmanaged }),
    ipam: ipamOf(config.ipam, requested),
    namespaceLabels: pod?.namespace.labels ?? {},
  };
  hold.storing();
  const assigning = assign(wanted, ports);
  const admitted = assigning.then(async ({ addresses }) => {
    requireFitting(requested, addresses, { attachment, beyond });
    await ports.policy.ready(endpoint(addresses), signal);
    requireUndisputed(requested, attachment, beyond);
    return addresses;
  });
  admitted.catch(() => {}); // The interface may fail before, and then nobody asks.
  const { mtu, queues } = config;
  const families = familiesOf(wanted.ipam);
  const sendsBeyond = requested.sources.some(({ address }) => address.family === 4);
  const wiring = ports.links.wire({ attachment, addresses: admitted, families, mtu, queues, limits, sendsBeyond });
  const [assigned, wired] = await Promise.allSettled([assigning, wiring]);
  if (isNewOne(assigned)) undo.defer(() => ports.addresses.release(attachment));
  if (isNewOne(wired)) undo.defer(() => ports.links.unwire(attachment));
  if (assigned.status === "rejected") throw assigned.reason;
  if (wired.status === "rejected") throw wired.reason;
  signal.throwIfAborted();

  undo.move(); // Success: nothing is undone.
  return { attachment, addresses: assigned.value.addresses, wired: wired.value };
}

/**
 * Labels of a configuration and names of an environment may be what no endpoint has. Stored, it would be set aside by whoever
 * reads it: by other nodes at once, and by this one when it starts anew.
 */
function readable(endpoint: WorkloadEndpoint): WorkloadEndpoint {
  const decoded = decodeResource("WorkloadEndpoint", endpoint);
  if (decoded.kind === "valid") return endpoint;
  const { problems } = decoded;
  const isConfigured = problems.some(({ path }) => path.startsWith("metadata.labels"));
  throw new CniError({
    code: isConfigured ? "INVALID_CONFIG" : "INVALID_ENVIRONMENT",
    message: `the endpoint cannot be stored: ${problems.map(formatProblem).join("; ")}`,
  });
}

function isNewOne(outcome: PromiseSettledResult<{ readonly isNew: boolean }>): boolean {
  return outcome.status === "fulfilled" && outcome.value.isNew;
}

/** A pod's annotations are about its first interface: a second one cannot have the same addresses. */
function requestedOf({ attachment, config }: AddRequest, pod: PodDescription | null): Requested {
  if (!pod || attachment.interfaceName !== "eth0") return config.requested;
  return joinedRequests(config.requested, requestedByAnnotations(pod.annotations, pod.namespace.annotations));
}

/** Annotations are about the first interface alone. What the pod says goes before what the runtime makes of it. */
async function limitsOf(
  { attachment: { network, interfaceName }, config }: AddRequest,
  pod: PodDescription | null,
  { lists }: Pick<Ports, "lists">,
): Promise<QosControls | null> {
  const { limits } = config.requested;
  const ofRuntime = limits && (await lists?.takes(network, "bandwidth")) !== true ? limits : null;
  if (!pod || interfaceName !== "eth0") return ofRuntime;
  const { annotations } = pod;
  const ofPod = limitsAskedFor(annotations, await isPluginsWork(annotations, { network, lists }));
  return ofPod && ofRuntime ? { ...ofRuntime, ...ofPod } : (ofPod ?? ofRuntime);
}

/** As Calico has it: by the operator's leave, and not beside what is asked of address management. */
function requireBypass({ unmanaged, addresses }: Requested, { mayBypassIpam, ipam }: PluginConfig): void {
  if (unmanaged.length === 0) return;
  const refused = (why: string) => new CniError({ code: "INVALID_CONFIG", message: `${unmanagedAnnotation}: ${why}` });
  if (!mayBypassIpam)
    throw refused(
      "pods have addresses of IPPools alone, unless feature_control of the list has ip_addrs_no_ipam: true",
    );
  if (ipam.ranges) throw refused("a list with host-local gives pods addresses of its ranges alone");
  if (addresses.length > 0) throw refused("other addresses are asked for as well: use one or the other");
}

/** Who asks for addresses gets them and no others; who asks for families or pools, in place of the configuration's. */
function ipamOf(ipam: IpamConfig, { addresses, unmanaged, families, pools }: Requested): IpamConfig {
  const named = [...addresses, ...unmanaged];
  const wanted = named.length > 0 ? named.map(({ family }) => family) : families;
  return {
    assignIpv4: wanted ? wanted.includes(4) : ipam.assignIpv4,
    assignIpv6: wanted ? wanted.includes(6) : ipam.assignIpv6,
    ipv4Pools: pools[4] ?? ipam.ipv4Pools,
    ipv6Pools: pools[6] ?? ipam.ipv6Pools,
    ...(ipam.ranges && { ranges: ipam.ranges }),
  };
}

function familiesOf({ assignIpv4, assignIpv6 }: IpamConfig): readonly Family[] {
  return [...(assignIpv4 ? [4 as const] : []), ...(assignIpv6 ? [6 as const] : [])];
}

/** Asked first, so that an agent without its datastore says so at once rather than at the deadline. */
async function requireReady({ readiness }: Ports): Promise<void> {
  const state = await readiness();
  if (state.kind === "notReady") throw new CniError({ code: "TRY_AGAIN_LATER", message: state.reason });
}

async function assign(request: AddressRequest, { addresses }: Ports) {
  const outcome = await addresses.assign(request);
  switch (outcome.kind) {
    case "assigned":
      return outcome;
    case "exhausted": // Another pod may go: worth another try.
      throw new CniError({ code: "TRY_AGAIN_LATER", message: outcome.reason });
    case "refused":
      throw new CniError({ code: "INVALID_CONFIG", message: outcome.reason });
  }
}
