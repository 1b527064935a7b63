/** `ipam release`: addresses that are in use by nobody are free again, by the numbers under which they were given. */
import type { Listing } from "@brindle/api";
import { Allocator, readClusterView, whoHolds } from "@brindle/ipam";
import { type Address, formatAddress, parseAddress } from "@brindle/net";
import type { ExitCode } from "../command.ts";
import { failed, usage } from "../error.ts";
import type { Ports } from "../ports.ts";
import { endpointsInDoubt, endpointsWith, readableEndpoints } from "./endpoints.ts";
import { releaseReported } from "./releaseReported.ts";

export interface ReleaseOptions {
  readonly ip?: string;
  readonly fromReport?: readonly string[];
  readonly force?: boolean;
}

export async function release({ ip, fromReport, force = false }: ReleaseOptions, ports: Ports): Promise<ExitCode> {
  if ((ip === undefined) === (fromReport === undefined)) throw usage("say which: either --ip or --from-report");
  if (fromReport) return releaseReported(fromReport, { force }, ports);
  return releaseAddress(ip ?? "", force, ports);
}

async function releaseAddress(ip: string, force: boolean, ports: Ports): Promise<ExitCode> {
  const address = parseAddress(ip);
  if (!address) throw usage(`--ip ${ip} is no IP address`);
  const text = formatAddress(address);
  const store = await ports.store();
  const { items } = await store.list("IPAMBlock");
  const use = whoHolds(
    items.map(({ value }) => value),
    address,
  );
  if (use.kind === "resting") throw failed(`${text} was given back: it rests until it may be given again`);
  if (use.kind !== "inUse") {
    ports.print(`${text} is not assigned`);
    return 0;
  }
  const { handleId, sequenceNumber } = use.holder;
  if (handleId === null) throw failed(`${text} has no handle: it was kept back`);
  if (!force) requireUnused(address, await store.list("WorkloadEndpoint"));
  const nowNs = BigInt(ports.nowMs()) * 1_000_000n;
  const allocator = new Allocator({ node: "" }, { store, now: () => nowNs, view: () => readClusterView(store, "") });
  const result = await allocator.release(handleId, { sequenceNumbers: new Map([[text, sequenceNumber]]) });
  if (result.kind !== "released") throw failed(`${text} could not be released: ${result.kind}`);
  if (result.addresses.length === 0) throw failed(`${text} was given anew meanwhile, and is left as it is`);
  ports.print(`Successfully released IP address ${text}`);
  return 0;
}

function requireUnused(address: Address, endpoints: Listing<"WorkloadEndpoint">): void {
  const text = formatAddress(address);
  const having = endpointsWith(address, readableEndpoints(endpoints));
  if (having.length > 0) {
    const names = having.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(", ");
    throw failed(`${text} is the address of ${names}: another pod would get it, too. Delete the pod, or say --force`);
  }
  const unread = endpointsInDoubt(endpoints);
  if (unread.length > 0)
    throw failed(
      `the addresses of ${unread.join(", ")} cannot be read: ${text} may be one of them. Mend or delete what is stored, or say --force`,
    );
}
