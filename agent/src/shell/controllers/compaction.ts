/** Has etcd forget former revisions now and then, as Calico does: else its database grows until it takes no more writes. */
import { setTimeout as sleep } from "node:timers/promises";
import type { EtcdHistory } from "@brindle/api/shell/etcd";
import { messageOf } from "../../error.ts";
import type { Controller, ControllerContext } from "./controller.ts";

export const compaction: Controller = {
  name: "etcd compaction",
  settings: ({ datastore, compactionPeriodMs }) =>
    datastore === "etcdv3" && compactionPeriodMs !== null ? { compactionPeriodMs } : null,
  run: async ({ etcd, compactionPeriodMs, log, onHealth }, until) => {
    if (!etcd || compactionPeriodMs === null) throw new TypeError("there is no etcd to be compacted");
    const { openEtcdHistory } = await import("@brindle/api/shell/etcd");
    const history = openEtcdHistory(etcd);
    const pause = (): Promise<void> => sleep(compactionPeriodMs, undefined, { signal: until }).catch(() => {});
    await keepShort(history, { log, onHealth, pause }, until);
    history.close();
  },
};

export interface CompactionPorts extends Pick<ControllerContext, "log" | "onHealth"> {
  readonly pause: () => Promise<void>;
}

/** What is older than one pause goes: whoever was away for less goes on where it was. */
export async function keepShort(
  history: Omit<EtcdHistory, "close">,
  { log, onHealth, pause }: CompactionPorts,
  until: AbortSignal,
): Promise<void> {
  let earlier: string | null = null;
  while (!until.aborted) {
    try {
      const newest = await history.revision();
      if (earlier !== null && earlier !== newest) {
        await history.forgetBefore(earlier);
        log.debug({ revision: earlier }, "etcd forgets what is older");
      }
      earlier = newest;
      onHealth(null);
    } catch (error) {
      onHealth(messageOf(error));
    }
    await pause();
  }
}
