/** The kernel's ipsets of one network namespace, over a netlink socket that stays open. */

import {
  addElements,
  createSet,
  decodeSets,
  deleteElements,
  destroySet,
  elementsPerMessage,
  flushSet,
  type KernelSet,
  listSets,
  renameSet,
  type SetDefinition,
  setNameBytesMax,
  setRefusal,
  swapSets,
} from "../ipset/message.ts";
import type { SetChange } from "../ipset/setChange.ts";
import type { SetElement } from "../ipset/setElement.ts";
import { isKernelError, KernelError } from "../kernelError.ts";
import type { NetlinkRequest } from "../netlink/message.ts";
import { type NamespaceReference, warmThreadPool } from "./namespace.ts";
import type { NamedRequest } from "./netlinkExchange.ts";
import { openNetlinkPort } from "./netlinkPort.ts";
import { NetlinkSocket } from "./netlinkSocket.ts";
import { makeSetRoom } from "./setRoom.ts";

export interface IpsetSocketOptions {
  /** The thread's own namespace when left out. */
  readonly namespace?: NamespaceReference;
  readonly timeoutMs?: number;
}

const netfilterProtocol = 12; // NETLINK_NETFILTER

export async function openIpsetSocket(options: IpsetSocketOptions = {}): Promise<IpsetSocket> {
  await warmThreadPool();
  const { namespace } = options;
  const port = openNetlinkPort({ protocol: netfilterProtocol, ...(namespace === undefined ? {} : { namespace }) });
  return new IpsetSocket(new NetlinkSocket(port, { ...options, toRefusal: setRefusal }), namespace);
}

export class IpsetSocket implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #namespace: NamespaceReference | undefined;

  constructor(socket: NetlinkSocket, namespace?: NamespaceReference) {
    this.#socket = socket;
    this.#namespace = namespace;
  }

  /**
   * One after the other, in few datagrams. Answers with what the kernel refused of each, or `null`: one that it refuses does
   * not stop those behind it, so what must not happen then is another call.
   */
  async apply(changes: readonly SetChange[]): Promise<readonly (KernelError | null)[]> {
    const refusals = changes.map((): KernelError | null => null);
    const owners: number[] = [];
    const requests = function* (): Generator<NamedRequest> {
      for (const [index, change] of changes.entries()) {
        for (const request of changeRequests(change)) {
          owners.push(index);
          yield request;
        }
      }
    };
    for (const [at, outcome] of (await this.#socket.apply(requests())).entries()) {
      const index = owners[at] ?? 0;
      if (outcome.kind === "failed") refusals[index] ??= outcome.error;
    }
    return refusals;
  }

  async create(definition: SetDefinition): Promise<void> {
    await this.#change({ op: "create", set: definition });
  }

  /** No error when there is none; BUSY while a rule refers to it. */
  async destroy(name: string): Promise<void> {
    await this.#change({ op: "destroy", name });
  }

  async flush(name: string): Promise<void> {
    await this.#change({ op: "flush", name });
  }

  async rename(name: string, newName: string): Promise<void> {
    await this.#request({ ...renameSet(name, newName), object: `rename set ${name} to ${newName}` });
  }

  async swap(name: string, otherName: string): Promise<void> {
    await this.#request({ ...swapSets(name, otherName), object: `swap sets ${name} and ${otherName}` });
  }

  /** Adds many elements; those that are there already stay. When it fails, the elements before the offending one are in. */
  async add(name: string, elements: Iterable<SetElement>): Promise<void> {
    await this.#change({ op: "add", name, elements: [...elements] });
  }

  /** Deletes many elements; those that are not there are no error. */
  async delete(name: string, elements: Iterable<SetElement>): Promise<void> {
    await this.#change({ op: "delete", name, elements: [...elements] });
  }

  /** Every set with its members. */
  async list(): Promise<KernelSet[]> {
    return this.#list("list sets", listSets());
  }

  /** One set with its members, or `null` when there is none of that name. */
  async get(name: string): Promise<KernelSet | null> {
    try {
      const sets = await this.#list(`list set ${name}`, listSets({ name }));
      return sets[0] ?? null;
    } catch (error) {
      if (isKernelError(error, "NOT_FOUND")) return null;
      throw error;
    }
  }

  /** So that as many sets can be made without waiting: see `makeSetRoom`. Until it resolves there are some named `prefix` and a number. */
  async makeRoom(room: { readonly prefix: string; readonly sets: number }): Promise<void> {
    const namespace = this.#namespace;
    await makeSetRoom(room, { protocol: netfilterProtocol, ...(namespace === undefined ? {} : { namespace }) });
  }

  async names(): Promise<string[]> {
    const sets = await this.#list("list set names", listSets({ namesOnly: true }));
    return sets.map((set) => set.name);
  }

  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #request(request: NamedRequest): Promise<void> {
    await this.#socket.request(request);
  }

  async #list(object: string, request: NetlinkRequest): Promise<KernelSet[]> {
    const sets = decodeSets(await this.#socket.dump({ ...request, object }));
    if (!sets) throw new KernelError({ code: "MALFORMED", object });
    return sets;
  }

  async #change(change: SetChange): Promise<void> {
    const [refusal] = await this.apply([change]);
    if (refusal) throw refusal;
  }
}

function changeRequests(change: SetChange): Iterable<NamedRequest> {
  switch (change.op) {
    case "create":
      return [createRequest(change.set)];
    case "add":
      return requestsOf(`add to set ${change.name}`, change.elements, (batch) => addElements(change.name, batch));
    case "delete":
      return requestsOf(`delete from set ${change.name}`, change.elements, (batch) =>
        deleteElements(change.name, batch),
      );
    case "flush":
      return [{ ...flushSet(change.name), object: `flush set ${change.name}` }];
    case "destroy":
      return [{ ...destroySet(change.name), object: `destroy set ${change.name}` }];
  }
}

function createRequest(definition: SetDefinition): NamedRequest {
  const { name, type } = definition;
  if (Buffer.byteLength(name) > setNameBytesMax || name === "") {
    throw new RangeError(`"${name}" is no name of a set: 1 to ${setNameBytesMax} bytes`);
  }
  return { ...createSet(definition), object: `create set ${name} ${type}` };
}

type EncodeElements = (batch: readonly SetElement[]) => NetlinkRequest;

function* requestsOf(object: string, elements: readonly SetElement[], encode: EncodeElements): Generator<NamedRequest> {
  for (let start = 0; start < elements.length; start += elementsPerMessage) {
    yield { ...encode(elements.slice(start, start + elementsPerMessage)), object };
  }
}
