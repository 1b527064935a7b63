import * as z from "zod";
import { count, deletedFlag, type IpamKindDefinition } from "./ipamFields.ts";
import { nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { field, object } from "./schema.ts";

/** As etcd holds it; its id stands in the key. */
export interface IPAMHandle {
  /** How many addresses the handle holds, by block. */
  readonly block: Readonly<Record<string, number>>;
  readonly deleted: boolean;
}

/** As Kubernetes holds it. */
export interface IPAMHandleSpec extends IPAMHandle {
  readonly handleID: string;
}

export type IPAMHandleResource = Resource<"IPAMHandle", IPAMHandleSpec>;

const block = field(
  z.record(z.string(), count).default({}) as unknown as z.ZodType<Readonly<Record<string, number>>>,
  "How many addresses the handle holds, by block.",
);
const deleted = field(deletedFlag, "The handle is about to go.");

export const ipamHandleKind: IpamKindDefinition<IPAMHandleResource, IPAMHandle> = {
  apiVersion,
  kind: "IPAMHandle",
  plural: "ipamhandles",
  description: "Addresses that were given together and are given back together. Address management writes it.",
  aliases: ["handles"],
  namespaced: false,
  spec: object<IPAMHandleSpec>({
    handleID: field(z.string(), "Who holds the addresses: the network and the container, for a pod."),
    block,
    deleted,
  }),
  stored: object<IPAMHandle>({ block, deleted }),
  unsupported: [],
  withDefaults: (handle) => handle,
  toResource: (handleID, { block, deleted, ...rest }) => ({
    apiVersion,
    kind: "IPAMHandle",
    metadata: { name: handleID.toLowerCase() },
    spec: { handleID, block, deleted, ...rest },
  }),
  fromResource: ({ spec: { handleID, ...value } }) => ({ name: handleID, value }),
  columns: [
    nameColumn,
    {
      header: "ADDRESSES",
      cell: ({ spec }) => String(Object.values(spec.block).reduce((sum, addresses) => sum + addresses, 0)),
    },
  ],
  get wideColumns() {
    return [
      ...this.columns,
      { header: "BLOCKS", cell: ({ spec }: IPAMHandleResource) => Object.keys(spec.block).join(",") },
    ];
  },
};
