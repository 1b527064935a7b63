import type { Address } from "@brindle/net";
import type { Attachment } from "./attachment.ts";
import { handleOf } from "./attachment.ts";
import type { PluginConfig } from "./config.ts";
import { CniError } from "./error.ts";
import type { AddressRequest, Ports } from "./ports.ts";
import type { Added } from "./result.ts";
import { workloadEndpoint } from "./workloadEndpoint.ts";

export interface AddRequest {
  readonly attachment: Attachment & { readonly netns: string };
  readonly config: PluginConfig;
  /** Aborted when nobody waits for the answer any more: what was made is then unmade. */
  readonly signal: AbortSignal;
}

/**
 * Address, policy, wire: in this order, so that no packet reaches a pod whose policy is not in force. Whatever fails,
 * all that this call made is unmade; what an earlier call made for the same attachment stays, for it may be in use.
 */
export async function add(request: AddRequest, ports: Ports): Promise<Added> {
  const { attachment, config, signal } = request;
  await requireReady(ports);
  const pod = await ports.pods.describe(attachment);
  await using undo = new AsyncDisposableStack();

  const endpoint = (addresses: readonly Address[]) =>
    workloadEndpoint({ attachment, node: ports.node, labels: config.labels, pod }, addresses);
  const assigned = await assign({ attachment, handle: handleOf(attachment), ipam: config.ipam, endpoint }, ports);
  if (assigned.isNew) undo.defer(() => ports.addresses.release(attachment));
  const { addresses } = assigned;

  await ports.policy.ready(endpoint(addresses), signal);

  const wired = await ports.links.wire({ attachment, addresses, mtu: config.mtu });
  if (wired.isNew) undo.defer(() => ports.links.unwire(attachment));
  signal.throwIfAborted();

  undo.move(); // Success: nothing is undone.
  return { attachment, addresses, wired };
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
