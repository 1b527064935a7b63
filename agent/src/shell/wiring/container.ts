/** A container's network namespace, as a runtime names it. */
import { fstatSync, statfsSync } from "node:fs";
import { KernelError } from "@brindle/net";
import { type OpenNamespace, openNamespace } from "@brindle/net/shell";
import { AgentError } from "../../error.ts";

/** NSFS_MAGIC (linux/magic.h) */
const namespaceFilesystem = 0x6e73_6673;

/** Throws an `AgentError` for what is no namespace, or is the node's own. */
export function openContainer(path: string, node: OpenNamespace): OpenNamespace {
  const container = openExisting(path);
  const objection = objectionTo(container, node);
  if (objection === null) return container;
  container.close();
  throw new AgentError({ code: "UNUSABLE_NAMESPACE", reason: `${path} is ${objection}` });
}

/**
 * What enters it first. A namespace of another kind is a file of the same sort, and which kind it is tells only the kernel's
 * refusal to enter.
 */
export async function entered<T>(path: string, enter: () => T | Promise<T>): Promise<T> {
  try {
    return await enter();
  } catch (cause) {
    if (!(cause instanceof KernelError) || !("object" in cause.failure) || cause.failure.object !== "setns")
      throw cause;
    throw new AgentError({ code: "UNUSABLE_NAMESPACE", reason: `${path} is no network namespace` }, { cause });
  }
}

function objectionTo(container: OpenNamespace, node: OpenNamespace): string | null {
  if (statfsSync(`/proc/self/fd/${container.fd}`).type !== namespaceFilesystem) return "no network namespace";
  const isOwn = fstatSync(container.fd).ino === fstatSync(node.fd).ino;
  return isOwn ? "the node's own network namespace" : null;
}

function openExisting(path: string): OpenNamespace {
  try {
    return openNamespace(path);
  } catch (cause) {
    const reason = `the network namespace ${path} cannot be opened: does it exist, and does the agent see it?`;
    throw new AgentError({ code: "UNUSABLE_NAMESPACE", reason }, { cause });
  }
}
