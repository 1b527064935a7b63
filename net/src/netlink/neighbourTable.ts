/** What holds for all neighbours of an interface: RTM_SETNEIGHTBL, in place of files below /proc/sys/net/ipv?/neigh. */
import type { Family } from "../address.ts";
import { type AttributeTable, concat, encodeAttributes, nested } from "./attribute.ts";
import { familyNumber } from "./family.ts";
import type { NetlinkRequest } from "./message.ts";
import { type StructCodec, structCodec } from "./struct.ts";
import { s32, text, u64 } from "./value.ts";

export interface NeighbourTable {
  readonly family: Family;
  readonly interfaceIndex: number;
  /** proxy_delay: by how much at most an answer for another is put off, at random. */
  readonly proxyDelayMs: number;
}

const setTable = 67;

/** struct ndtmsg */
interface TableHeader {
  readonly [field: string]: number;
  readonly family: number;
  readonly padding: number;
  readonly padding2: number;
}

const tableHeader: StructCodec<TableHeader> = structCodec<TableHeader>([
  ["family", "u8"],
  ["padding", "u8"],
  ["padding2", "u16"],
]);

interface TableParameters {
  readonly interfaceIndex?: number;
  readonly proxyDelayMs?: bigint;
}

/** NDTPA_* inside NDTA_PARMS */
const tableAttributes: AttributeTable<{ readonly name?: string; readonly parameters?: TableParameters }> = {
  name: { type: 1, codec: text },
  parameters: {
    type: 6,
    codec: nested<TableParameters>({
      interfaceIndex: { type: 1, codec: s32 },
      proxyDelayMs: { type: 13, codec: u64 },
    }),
  },
};

const names: Readonly<Record<Family, string>> = { 4: "arp_cache", 6: "ndisc_cache" };

export function setNeighbourTable({ family, interfaceIndex, proxyDelayMs }: NeighbourTable): NetlinkRequest {
  const parameters = { interfaceIndex, proxyDelayMs: BigInt(proxyDelayMs) };
  const header = tableHeader.encode({ family: familyNumber[family] });
  const attributes = encodeAttributes(tableAttributes, { name: names[family], parameters });
  return { type: setTable, flags: 0, body: concat([header, attributes]) };
}
