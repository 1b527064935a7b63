/**
 * Networks from whose addresses pods may send beside their own (Calico's `allowSpoofedSourcePrefixes`), as elements of the sets
 * by which packets come to the chain of the pod that sends them. Only that end is wider: nobody sends to a pod by them.
 */
import {
  type Address,
  addressBits,
  type Family,
  formatPrefix,
  formatSetElement,
  hostPrefix,
  type InterfaceElement,
  networkOf,
  type Prefix,
  parseAddress,
  parseCidr,
  splitForSet,
} from "@brindle/net";

/** A bucket of hash:net,iface takes 64 elements of one network (AHASH_MAX_TUNED): one more would hold up all others. */
const endsOfNetworkMax = 32;

/** Into that many halves of halves a network is split before it is left out: enough for a node full of pods that share one. */
const splitsMax = 5;

/** What a pod's end is in the sets of the dispatch, with the texts of these elements. */
export type Elements = readonly (readonly [string, InterfaceElement])[];

export interface SendingEnd {
  /** `namespace/name` of the endpoint. */
  readonly id: string;
  readonly interfaceName: string;
  readonly addresses: readonly Address[];
  readonly sources: readonly Prefix[];
}

export interface Sources {
  /** Of those that have some. */
  readonly elements: Readonly<Record<Family, ReadonlyMap<SendingEnd, Elements>>>;
  /** What of what is asked for has no effect, by endpoint. */
  readonly problems: ReadonlyMap<string, string>;
}

/** What is no network is left out. */
export function readSources(texts: readonly string[] = []): readonly Prefix[] {
  return texts.flatMap((text) => {
    const cidr = parseCidr(text);
    const address = parseAddress(text);
    return cidr ? [networkOf(cidr)] : address ? [hostPrefix(address)] : [];
  });
}

const field = "spec.allowSpoofedSourcePrefixes";
const disabled = `${field}: without effect, as workloadSourceSpoofing of the FelixConfiguration is not Any`;

/** `ends` in an order that says no more than who comes first. */
export function sourcesOf(ends: readonly SendingEnd[], spoofing: "Disabled" | "Any"): Sources {
  const asking = ends.filter(({ sources }) => sources.length > 0);
  if (asking.length === 0 || spoofing === "Disabled") {
    return { elements: { 4: new Map(), 6: new Map() }, problems: new Map(asking.map(({ id }) => [id, disabled])) };
  }
  const leftOut = new Map<SendingEnd, readonly Prefix[]>();
  const elements = { 4: sourceElements(ends, 4, leftOut), 6: sourceElements(ends, 6, leftOut) };
  return { elements, problems: new Map([...leftOut].map(([{ id }, networks]) => [id, sharedByTooMany(networks)])) };
}

function sharedByTooMany(networks: readonly Prefix[]): string {
  return `${field}: without effect for ${networks.map(formatPrefix).join(", ")}: too many pods of the node send from there`;
}

/**
 * One network can be in a set with so many interfaces only, so that those behind the first have its halves, or quarters: the
 * same addresses in other elements. What cannot be split so far goes to `leftOut`. A pod without an address of the family
 * has no chain there, and sends nothing.
 */
function sourceElements(
  all: readonly SendingEnd[],
  family: Family,
  leftOut: Map<SendingEnd, readonly Prefix[]>,
): ReadonlyMap<SendingEnd, Elements> {
  const ends = all.filter(({ addresses }) => addresses.some((address) => address.family === family));
  const holders = new Map<string, number>();
  const hold = (network: Prefix): void => {
    const text = formatPrefix(network);
    holders.set(text, (holders.get(text) ?? 0) + 1);
  };
  for (const { addresses } of ends) for (const address of addresses) hold(hostPrefix(address));
  const byEnd = new Map<SendingEnd, Elements>();
  for (const end of ends) {
    const own = new Set(end.addresses.map((address) => formatPrefix(hostPrefix(address))));
    const taken = new Map<string, Prefix>();
    const tooMany: Prefix[] = [];
    for (const source of end.sources.filter(({ address }) => address.family === family)) {
      const isFree = (network: Prefix): boolean => {
        const text = formatPrefix(network);
        return own.has(text) || taken.has(text) || (holders.get(text) ?? 0) < endsOfNetworkMax;
      };
      const pieces = freePieces(source, isFree);
      if (!pieces) tooMany.push(source);
      for (const piece of pieces ?? []) taken.set(formatPrefix(piece), piece);
    }
    const added = [...taken].filter(([text]) => !own.has(text)).map(([, network]) => network);
    for (const network of added) hold(network);
    if (added.length > 0)
      byEnd.set(
        end,
        added.map((network) => elementOf(network, end.interfaceName)),
      );
    if (tooMany.length > 0) leftOut.set(end, [...(leftOut.get(end) ?? []), ...tooMany]);
  }
  return byEnd;
}

function elementOf(network: Prefix, interfaceName: string): readonly [string, InterfaceElement] {
  const element = { ...network, interfaceName };
  return [formatSetElement(element), element];
}

/** In as few pieces as may be; `null` where it cannot be split so far. */
function freePieces(source: Prefix, isFree: (network: Prefix) => boolean): readonly Prefix[] | null {
  let pieces = splitForSet(source);
  for (let splits = 0; splits <= splitsMax; splits++) {
    if (pieces.every(isFree)) return pieces;
    if (pieces.some(({ address, length }) => length === addressBits[address.family])) return null;
    pieces = pieces.flatMap(halves);
  }
  return null;
}

function halves({ address, length }: Prefix): Prefix[] {
  const { family, value } = address;
  const upper = value | (1n << BigInt(addressBits[family] - length - 1));
  return [value, upper].map((first) => ({ address: { family, value: first }, length: length + 1 }));
}
