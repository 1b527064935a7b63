/** The sets whose members are what is behind Services. All EndpointSlices are kept, since any rule may come to name any of them. */
import type { EndpointSlice } from "@brindle/api";
import { type Family, formatPrefix, formatSetElement, hostPrefix } from "@brindle/net";
import type { SetContent, SetUse } from "../render/setUse.ts";
import { backendsOf, formatService } from "../service.ts";
import { type Contribution, CountedMembers } from "./countedMembers.ts";
import type { Members } from "./members.ts";

type ServiceContent = Extract<SetContent, { readonly kind: "service" }>;

interface ServiceSet {
  readonly family: Family;
  readonly content: ServiceContent;
  readonly members: CountedMembers;
}

export class ServiceSets {
  /** By `namespace/name` of the slice. */
  readonly #slices = new Map<string, EndpointSlice>();
  /** The ids of slices, by `namespace/name` of the Service. */
  readonly #slicesOf = new Map<string, Set<string>>();
  readonly #sets = new Map<string, ServiceSet>();
  readonly #setsOf = new Map<string, Set<ServiceSet>>();

  onSlice(id: string, slice: EndpointSlice | null): void {
    const before = this.#slices.get(id);
    if (slice) this.#slices.set(id, slice);
    else this.#slices.delete(id);
    const [was, is] = [before && serviceId(before), slice && serviceId(slice)];
    if (is) add(this.#slicesOf, is, id);
    for (const set of (is && this.#setsOf.get(is)) || []) {
      set.members.replace(contribution(set, was === is ? before : null), contribution(set, slice));
    }
    if (!was || was === is) return;
    remove(this.#slicesOf, was, id);
    for (const set of this.#setsOf.get(was) ?? []) set.members.replace(contribution(set, before), null);
  }

  /** Exactly these sets are kept from now on. */
  require(uses: ReadonlyMap<string, SetUse>): void {
    for (const [name, set] of this.#sets) {
      if (uses.has(name)) continue;
      this.#sets.delete(name);
      remove(this.#setsOf, formatService(set.content.service), set);
    }
    for (const { name, family, content } of uses.values()) {
      if (content.kind === "service" && !this.#sets.has(name)) this.#keep(name, family, content);
    }
  }

  /** `null` for a set that is none of these. */
  members(name: string): Members | null {
    return this.#sets.get(name)?.members.snapshot() ?? null;
  }

  #keep(name: string, family: Family, content: ServiceContent): void {
    const set: ServiceSet = { family, content, members: new CountedMembers() };
    const service = formatService(content.service);
    this.#sets.set(name, set);
    add(this.#setsOf, service, set);
    for (const id of this.#slicesOf.get(service) ?? []) {
      set.members.replace(null, contribution(set, this.#slices.get(id)));
    }
  }
}

function serviceId({ namespace, service }: EndpointSlice): string {
  return formatService({ namespace, name: service });
}

function contribution({ family, content }: ServiceSet, slice: EndpointSlice | null | undefined): Contribution {
  if (!slice) return null;
  const { addresses, ports } = backendsOf(slice);
  const own = addresses.filter((address) => address.family === family);
  if (!content.withPorts) return own.map(hostPrefix).map(formatPrefix);
  return own.flatMap((address) => ports.map(({ protocol, port }) => formatSetElement({ address, protocol, port })));
}

function add<V>(map: Map<string, Set<V>>, key: string, value: V): void {
  map.set(key, (map.get(key) ?? new Set()).add(value));
}

function remove<V>(map: Map<string, Set<V>>, key: string, value: V): void {
  const values = map.get(key);
  values?.delete(value);
  if (values?.size === 0) map.delete(key);
}
