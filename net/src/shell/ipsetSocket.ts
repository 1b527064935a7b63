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
import type { SetElement } from "../ipset/setElement.ts";
import { isKernelError, KernelError } from "../kernelError.ts";
import type { NetlinkRequest } from "../netlink/message.ts";
import { type NamespaceReference, warmThreadPool } from "./namespace.ts";
import type { NamedRequest } from "./netlinkExchange.ts";
import { openNetlinkPort } from "./netlinkPort.ts";
import { NetlinkSocket } from "./netlinkSocket.ts";

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
  return new IpsetSocket(new NetlinkSocket(port, { ...options, toRefusal: setRefusal }));
}

export class IpsetSocket implements Disposable {
  readonly #socket: NetlinkSocket;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  async create(definition: SetDefinition): Promise<void> {
    const { name, type } = definition;
    if (Buffer.byteLength(name) > setNameBytesMax || name === "") {
      throw new RangeError(`"${name}" is no name of a set: 1 to ${setNameBytesMax} bytes`);
    }
    await this.#request(`create set ${name} ${type}`, createSet(definition));
  }

  /** No error when there is none; BUSY while a rule refers to it. */
  async destroy(name: string): Promise<void> {
    await this.#request(`destroy set ${name}`, destroySet(name));
  }

  async flush(name: string): Promise<void> {
    await this.#request(`flush set ${name}`, flushSet(name));
  }

  async rename(name: string, newName: string): Promise<void> {
    await this.#request(`rename set ${name} to ${newName}`, renameSet(name, newName));
  }

  async swap(name: string, otherName: string): Promise<void> {
    await this.#request(`swap sets ${name} and ${otherName}`, swapSets(name, otherName));
  }

  /** Adds many elements; those that are there already stay. When it fails, the elements before the offending one are in. */
  async add(name: string, elements: Iterable<SetElement>): Promise<void> {
    await this.#inBatches(`add to set ${name}`, elements, (batch) => addElements(name, batch));
  }

  /** Deletes many elements; those that are not there are no error. */
  async delete(name: string, elements: Iterable<SetElement>): Promise<void> {
    await this.#inBatches(`delete from set ${name}`, elements, (batch) => deleteElements(name, batch));
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

  async #request(object: string, request: NetlinkRequest): Promise<void> {
    await this.#socket.request({ ...request, object });
  }

  async #list(object: string, request: NetlinkRequest): Promise<KernelSet[]> {
    const sets = decodeSets(await this.#socket.dump({ ...request, object }));
    if (!sets) throw new KernelError({ code: "MALFORMED", object });
    return sets;
  }

  async #inBatches(object: string, elements: Iterable<SetElement>, encode: EncodeElements): Promise<void> {
    const outcomes = await this.#socket.apply(requestsOf(object, [...elements], encode));
    for (const outcome of outcomes) if (outcome.kind === "failed") throw outcome.error;
  }
}

type EncodeElements = (batch: readonly SetElement[]) => NetlinkRequest;

function* requestsOf(object: string, elements: readonly SetElement[], encode: EncodeElements): Generator<NamedRequest> {
  for (let start = 0; start < elements.length; start += elementsPerMessage) {
    yield { ...encode(elements.slice(start, start + elementsPerMessage)), object };
  }
}
