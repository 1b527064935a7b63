/**
 * GC: all that the runtime does not name is freed, wiring and addresses. What is there is asked of the kernel and of the
 * datastore, since a crash may have left a trace in one of them alone.
 */
import { type Attachment, attachmentKey, attachmentOf, handleOf } from "./attachment.ts";
import { delWholly } from "./del.ts";
import { CniError } from "./error.ts";
import type { Mark, Ports } from "./ports.ts";

export interface CollectRequest {
  readonly network: string;
  readonly valid: readonly Pick<Attachment, "containerId" | "interfaceName">[];
}

/** What of this node and network the runtime did not name. Of marks without a network only those whose addresses are. */
export async function abandoned(
  { network, valid }: CollectRequest,
  { records, links }: Pick<Ports, "records" | "links">,
): Promise<readonly Attachment[]> {
  const [recorded, marks] = await Promise.all([records.attachments(network), links.marks()]);
  const held = new Map(recorded.map((attachment) => [handleOf(attachment), attachment]));
  for (const mark of marks) {
    const bare = attachmentOf({ ...mark, netns: null, args: {} }, network);
    const handle = handleOf(bare);
    const known = held.get(handle);
    if (known) held.set(handle, joined(known, mark));
    else if (mark.network === network) held.set(handle, { ...bare, hostInterface: mark.hostInterface });
  }
  const named = new Set(valid.map((attachment) => handleOf({ ...attachment, network })));
  return [...held].filter(([handle]) => !named.has(handle)).map(([, attachment]) => attachment);
}

/** Who it is says the datastore; how its parts are called, the interface that there is. */
function joined(known: Attachment, { containerId, interfaceName, hostInterface }: Mark): Attachment {
  return { ...known, containerId, interfaceName, hostInterface };
}

/** So many at once: enough to share transactions and removals, and no crowd. */
const atOnceMax = 32;

export interface CollectPorts {
  readonly ports: Ports;
  /** Does the work alone for its attachment, or not at all where an ADD has come for that meanwhile. */
  readonly alone: (key: string, work: () => Promise<void>) => Promise<void>;
}

/** Goes on after what fails, and then says what did. */
export async function collect(request: CollectRequest, { ports, alone }: CollectPorts): Promise<void> {
  const failures: { readonly key: string; readonly error: unknown }[] = [];
  const free = async (attachment: Attachment): Promise<void> => {
    const key = attachmentKey(attachment);
    try {
      await alone(key, async () => {
        await delWholly(attachment, ports);
        await ports.pending.remove(key);
      });
    } catch (error) {
      failures.push({ key, error });
    }
  };
  const all = await abandoned(request, ports);
  for (let at = 0; at < all.length; at += atOnceMax) await Promise.all(all.slice(at, at + atOnceMax).map(free));
  if (failures.length === 0) return;
  const texts = failures.map(({ key, error }) => `${key}: ${error instanceof Error ? error.message : String(error)}`);
  throw new CniError(
    {
      code: "TRY_AGAIN_LATER",
      message: `${failures.length} of the attachments that are not in the list could not be freed; the rest is`,
      details: texts.join("; "),
    },
    { cause: failures[0]?.error },
  );
}
