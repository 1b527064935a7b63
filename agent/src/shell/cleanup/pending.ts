/** Deletions that the executable kept while no agent answered: done by whoever removes the agent for good. */

import { readdir } from "node:fs/promises";
import { type Store, StoreError } from "@brindle/api";
import { type DatastoreSettings, openDatastore } from "@brindle/api/shell";
import { AllocatedAddresses, type Attachment, CniPlugin, type Links, StoredRecords } from "@brindle/cni";
import { openPendingDels } from "@brindle/cni/shell";
import { Allocator, defaultIpamSettings } from "@brindle/ipam";
import { openRouteSocket } from "@brindle/net/shell";
import { isRemovable } from "../../wiring/existing.ts";

export interface PendingOptions {
  readonly node: string;
  readonly pendingDirectory: string;
  /** Read only if there is something to do. Throws a `StoreError`. */
  readonly store: () => DatastoreSettings;
}

export interface Settled {
  readonly done: readonly string[];
  /** The datastore has none of our kinds any more. */
  readonly moot: readonly string[];
  readonly failed: readonly { readonly key: string; readonly reason: string }[];
}

export async function pendingKeys(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith("."));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export async function doPendingDels({ node, pendingDirectory, store: settings }: PendingOptions): Promise<Settled> {
  const pending = await openPendingDels(pendingDirectory);
  const keys = await pending.keys();
  try {
    const store = await openDatastore(settings());
    try {
      if (await isEmptied(store)) return { done: [], moot: keys, failed: [] };
      const plugin = new CniPlugin({
        ...{ node, pending, links: removalOnly(), pods: { describe: async () => null } },
        addresses: new AllocatedAddresses(node, { allocator: releaseOnly(node, store), store }),
        records: new StoredRecords(node, store),
        policy: { expect: () => ({ [Symbol.dispose]: () => {} }), ready: onlyDeletions, check: onlyDeletions },
        readiness: async () => ({ kind: "notReady", reason: "the node is cleaned up", connectivity: "limited" }),
      });
      const { done, failed } = await plugin.replay();
      return {
        done,
        moot: [],
        failed: failed.map(({ key, failure }) => ({ key, reason: failure.details ?? failure.message })),
      };
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { done: [], moot: [], failed: keys.map((key) => ({ key, reason: error.message })) };
  }
}

/** As after `kubectl delete -f`: blocks and handles went with their kinds, so nothing is left to give back. */
async function isEmptied(store: Store): Promise<boolean> {
  const { items, undecodable } = await store.list("IPAMBlock");
  return items.length + undecodable.length === 0;
}

function releaseOnly(node: string, store: Store): Allocator {
  const view = { pools: [], nodeLabels: {}, reserved: [], settings: defaultIpamSettings };
  return new Allocator({ node }, { store, now: () => BigInt(Date.now()) * 1_000_000n, view: () => view });
}

function onlyDeletions(): Promise<never> {
  return Promise.reject(new TypeError("a cleanup does kept deletions alone"));
}

function removalOnly(): Links {
  return {
    wire: onlyDeletions,
    check: onlyDeletions,
    marks: onlyDeletions,
    unwire: async (attachment: Attachment) => {
      using kernel = await openRouteSocket();
      const link = await kernel.link(attachment.hostInterface);
      if (link && isRemovable(link, attachment)) await kernel.deleteLink({ index: link.index });
    },
  };
}
