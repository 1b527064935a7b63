/** How what was decided reaches the datastore: in one transaction where it has any, else object by object, in order. */
import type { Store, Write } from "@brindle/api";
import { violatedWrites } from "./conflict.ts";
import { commitInOrder, type DecidedWrites, type Decision, type OrderedOutcome } from "./orderedCommit.ts";
import type { Found } from "./state.ts";

export async function commitDecided(
  store: Pick<Store, "commit" | "transactions">,
  writes: DecidedWrites,
  decision: Decision,
): Promise<OrderedOutcome> {
  return store.transactions === "single" ? commitInOrder(store, writes, decision) : commitAtOnce(store, writes);
}

async function commitAtOnce(store: Pick<Store, "commit">, { planned, extra }: DecidedWrites): Promise<OrderedOutcome> {
  const all = [...planned, ...extra];
  if (all.length === 0) return { conflict: "none", written: [], found: [] };
  const result = await store.commit(all);
  if (result.kind === "committed")
    return {
      conflict: "none",
      written: all.filter(({ op }) => op !== "expect"),
      found: resultOf(all, result.revision),
    };
  const isOfCaller =
    violatedWrites(extra, result.current).length > 0 && violatedWrites(planned, result.current).length === 0;
  return { conflict: isOfCaller ? "extra" : "planned", written: [], found: result.current };
}

/** What the store holds after a transaction, as far as that can be told from its writes. */
function resultOf(writes: readonly Write[], revision: string): Found[] {
  const found: Found[] = [];
  for (const write of writes) {
    if (write.op === "delete") found.push({ key: write.key, value: null });
    else if (write.op !== "expect") found.push({ key: write.key, value: write.value, revision });
  }
  return found;
}
