/** What the contract needs of a store: the store itself, and ways to do to it what happens to datastores. */
import type { BGPPeer, Key, Kind, Node, Store, StoreError, WatchEvent, Write } from "@brindle/api";
import { waitFor } from "../fixtures/waitFor.ts";

export interface Subject extends AsyncDisposable {
  /** The store that is tested. Its way to the datastore is the one that `cut` cuts. */
  readonly store: Store;
  /** Another client of the same datastore, which is never cut off. */
  readonly other: Store;
  cut(): Promise<void>;
  mend(): Promise<void>;
  restart(): Promise<void>;
  compact(): Promise<void>;
}

/** Keeps what a watch tells, and waits for it to have told something. */
export class Recorder {
  readonly events: WatchEvent[] = [];
  readonly #stop: () => Promise<void>;

  constructor(store: Store, kinds: readonly Kind[]) {
    this.#stop = store.watch(kinds, (event) => this.events.push(event)).stop;
  }

  /** `changed node1`, `deleted node1`, `inSync Node`, `disconnected`, `connected`. */
  get told(): string[] {
    return this.events.map(summaryOf);
  }

  /** Since the call. */
  mark(): () => string[] {
    const from = this.events.length;
    return () => this.told.slice(from);
  }

  async until(what: string, isTold: (told: readonly string[]) => boolean, deadlineMs = 60_000): Promise<void> {
    await waitFor(
      (saw) => {
        saw(this.told.slice(-20));
        return isTold(this.told);
      },
      { what, deadlineMs, intervalMs: 10 },
    );
  }

  async untilLast(summary: string): Promise<void> {
    await this.until(`the watch tells ${summary} last`, (told) => told.at(-1) === summary);
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}

function summaryOf(event: WatchEvent): string {
  switch (event.type) {
    case "changed":
      return `changed ${event.item.key.name}`;
    case "deleted":
    case "undecodable":
      return `${event.type} ${event.key.name}`;
    case "inSync":
      return `inSync ${event.kind}`;
    default:
      return event.type;
  }
}

export function peerKey(name: string): Key<"BGPPeer"> {
  return { kind: "BGPPeer", name };
}

/** A write of a BGPPeer, which every store keeps as it is. Its AS number makes one version differ from another. */
export function peerWrite(name: string, at: WriteAt, asNumber = 64512): Write {
  const value: BGPPeer = {
    apiVersion: "projectcalico.org/v3",
    kind: "BGPPeer",
    metadata: { name },
    spec: { peerIP: "192.0.2.1", asNumber },
  };
  return writeAt(at, { key: peerKey(name), value });
}

export function nodeKey(name: string): Key<"Node"> {
  return { kind: "Node", name };
}

/** A write of a Node whose AS number makes one version differ from another. */
export function nodeWrite(name: string, at: WriteAt, asNumber = 64512): Write {
  return writeAt(at, { key: nodeKey(name), value: node(name, { asNumber }) });
}

type WriteAt = { readonly op: "create" | "put" } | { readonly op: "update"; readonly revision: string };

function writeAt(
  at: WriteAt,
  target: { key: Key<"Node">; value: Node } | { key: Key<"BGPPeer">; value: BGPPeer },
): Write {
  if (at.op === "update") return { op: "update", revision: at.revision, ...target };
  return at.op === "create" ? { op: "create", ...target } : { op: "put", ...target };
}

export function node(name: string, { asNumber = 64512, annotations = {} }: NodeOptions = {}): Node {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "Node",
    metadata: { name, annotations },
    spec: { bgp: { asNumber, ipv4Address: "192.0.2.1/24" } },
  };
}

interface NodeOptions {
  readonly asNumber?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export async function commit(store: Store, ...writes: Write[]): Promise<string> {
  const result = await store.commit(writes);
  if (result.kind === "committed") return result.revision;
  throw new Error(`a conflict where none was expected: ${JSON.stringify(result.current.map(({ key }) => key))}`);
}

export function isStoreError(error: unknown, code: StoreError["failure"]["code"]): boolean {
  return error instanceof Error && error.name === "StoreError" && (error as StoreError).failure.code === code;
}
