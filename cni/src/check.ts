/**
 * CHECK: is everything as ADD promised? The promise is what the runtime hands back, and what the datastore holds; the kernel
 * is read anew. Whatever differs is named, all of it at once, so that one look at the runtime's log is enough.
 */
import { isUnmanaged, type WorkloadEndpoint } from "@brindle/api";
import { type Address, compareAddresses, formatAddress, sameAddress } from "@brindle/net";
import { type Attachment, handleOf } from "./attachment.ts";
import { CniError } from "./error.ts";
import { isPluginsWork, ownLimits } from "./limits.ts";
import type { Ports, Recorded } from "./ports.ts";
import { addressOfText, type Promised } from "./prevResult.ts";

export interface CheckRequest {
  readonly attachment: Attachment & { readonly netns: string };
  readonly promised: Promised;
}

/** Rejects with all that differs. */
export async function check(request: CheckRequest, ports: Ports): Promise<void> {
  const { attachment, promised } = request;
  const recorded = withUnmanaged(await ports.records.of(attachment));
  const limits = recorded.endpoint && (await recordedLimits(recorded.endpoint, attachment.network, ports));
  const [wiring, policy] = await Promise.all([
    ports.links.check({ ...request, limits, asksBeyond: asksBeyond(recorded.endpoint) }),
    recorded.endpoint ? ports.policy.check(recorded.endpoint) : [],
  ]);
  const differences = [...recordDifferences(attachment, { promised, recorded }), ...wiring, ...policy];
  if (differences.length === 0) return;
  const count = differences.length === 1 ? "one thing is" : `${differences.length} things are`;
  throw new CniError({
    code: "NOT_AS_PROMISED",
    message: `${count} not as ADD left the interface ${attachment.interfaceName}: ${differences[0]}`,
    details: differences.join("; "),
  });
}

function asksBeyond(endpoint: WorkloadEndpoint | null): boolean {
  return (endpoint?.spec.allowSpoofedSourcePrefixes ?? []).length > 0;
}

async function recordedLimits({ metadata, spec }: WorkloadEndpoint, network: string, { lists }: Ports) {
  const { annotations = {} } = metadata;
  return ownLimits(spec.qosControls, await isPluginsWork(annotations, { network, lists }));
}

/** What no pool gave is no handle's: its endpoint alone has it. */
function withUnmanaged({ endpoint, addresses }: Recorded): Recorded {
  const own = endpoint ? addressesOf(endpoint).filter((one) => isUnmanaged(endpoint, formatAddress(one))) : [];
  const others = own.filter((one) => !addresses.some((held) => sameAddress(held, one)));
  return { endpoint, addresses: [...addresses, ...others] };
}

function recordDifferences(
  attachment: Attachment,
  { promised, recorded }: { readonly promised: Promised; readonly recorded: Recorded },
): string[] {
  const handle = handleOf(attachment);
  const isIn = (list: readonly Address[]) => (address: Address) => list.some((other) => sameAddress(other, address));
  const isHeld = isIn(recorded.addresses);
  const isPromised = isIn(promised.addresses);
  return [
    ...promised.addresses
      .filter((address) => !isHeld(address))
      .map((address) => `${formatAddress(address)} is not held by this container in the datastore (handle ${handle})`),
    ...recorded.addresses
      .filter((address) => !isPromised(address))
      .map((address) => `${formatAddress(address)} is held by this container, and its result does not have it`),
    ...(promised.addresses.length === 0 ? ["its result has no address of this network"] : []),
    ...endpointDifferences(attachment, recorded),
  ];
}

function endpointDifferences({ containerId }: Attachment, { addresses, endpoint }: Recorded): string[] {
  if (!endpoint) return ["the datastore has no WorkloadEndpoint of it"];
  const { name } = endpoint.metadata;
  if (endpoint.spec.containerID !== containerId)
    return [`the WorkloadEndpoint ${name} is of the container ${endpoint.spec.containerID ?? "(none)"}`];
  const said = addressesOf(endpoint);
  const isSame =
    said.length === addresses.length && said.every((address) => addresses.some((a) => sameAddress(a, address)));
  return isSame
    ? []
    : [`the WorkloadEndpoint ${name} has ${listed(said)}, and the container holds ${listed(addresses)}`];
}

function addressesOf({ spec }: WorkloadEndpoint): Address[] {
  return (spec.ipNetworks ?? []).flatMap((text) => addressOfText(text) ?? []);
}

function listed(addresses: readonly Address[]): string {
  return addresses.toSorted(compareAddresses).map(formatAddress).join(" and ") || "no address";
}
