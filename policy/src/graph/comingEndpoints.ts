/**
 * Endpoints of this node that its own agent is about to write. What it wrote counts when the watch tells of it and not before, though
 * the agent knows: a pod is let in by nothing older than what was said before it, as another policy, or the end of the pod that had
 * its address.
 */
import type { WorkloadEndpoint } from "@brindle/api";
import { type EndpointKey, endpointKeyId } from "../readableEndpoint.ts";

export interface GraphBelow {
  /** Whether there is an endpoint of that id, by whatever was told. */
  knows(id: string): boolean;
  onEndpoint(key: EndpointKey, value: WorkloadEndpoint | null): void;
}

export class ComingEndpoints {
  readonly #graph: GraphBelow;
  /** By id. */
  readonly #expected = new Set<string>();

  constructor(graph: GraphBelow) {
    this.#graph = graph;
  }

  /** Whether the watch has not told of it: then no rule is to find it by its labels. */
  isExpected(id: string): boolean {
    return this.#expected.has(id);
  }

  /** Whether the watch is to tell of it. */
  awaits(key: EndpointKey): boolean {
    return this.#expected.size > 0 && this.#expected.has(endpointKeyId(key));
  }

  expected(): ReadonlySet<string> {
    return new Set(this.#expected);
  }

  /**
   * It is about to be written. It gets its chains, and no rule finds it by its labels, until the watch tells of it:
   * somebody else may be given the address in the last moment. One that is told already is not expected.
   */
  expect(endpoint: WorkloadEndpoint): void {
    const { key, id } = placeOf(endpoint);
    if (!this.#expected.has(id) && this.#graph.knows(id)) return;
    this.#expected.add(id);
    this.#graph.onEndpoint(key, endpoint);
  }

  /** It was not written after all. False, and nothing, where the datastore has told it since. */
  unexpect(endpoint: WorkloadEndpoint): boolean {
    const { key, id } = placeOf(endpoint);
    if (!this.#expected.delete(id)) return false;
    this.#graph.onEndpoint(key, null);
    return true;
  }

  /** The watch tells of it, be it of its end: from now on that counts. */
  told(key: EndpointKey): void {
    if (this.#expected.size > 0) this.#expected.delete(endpointKeyId(key));
  }
}

function placeOf({ metadata: { namespace = "", name } }: WorkloadEndpoint) {
  const key: EndpointKey = { namespace, name };
  return { key, id: endpointKeyId(key) };
}
