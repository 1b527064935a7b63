import * as z from "zod";
import { deletedFlag, type IpamKindDefinition, nameOfPrefix } from "./ipamFields.ts";
import { nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { field, object } from "./schema.ts";

/** As etcd holds it; whose block it is stands in the key, `host:<node>/<cidr>`. */
export interface BlockAffinity {
  readonly state: AffinityState;
  readonly deleted: boolean;
}

export type AffinityState = "confirmed" | "pending" | "pendingDeletion";

/** As Kubernetes holds it. */
export interface BlockAffinitySpec extends BlockAffinity {
  readonly node: string;
  /** `virtual` for what is no node: `load-balancer`, the addresses of Services. */
  readonly type: "host" | "virtual";
  readonly cidr: string;
}

export type BlockAffinityResource = Resource<"BlockAffinity", BlockAffinitySpec>;

/** An empty one is of the time before there were states. */
const state = field(
  z
    .enum(["confirmed", "pending", "pendingDeletion", ""])
    .transform((value) => (value === "" ? "confirmed" : value))
    .default("confirmed") as unknown as z.ZodType<AffinityState>,
  "Whether the node has the block, is about to take it, or is about to give it back.",
);
const deleted = field(deletedFlag, "The claim is about to go.");

export const blockAffinityKind: IpamKindDefinition<BlockAffinityResource, BlockAffinity> = {
  apiVersion,
  kind: "BlockAffinity",
  plural: "blockaffinities",
  description: "A node's claim to a block of addresses. Address management writes it.",
  aliases: ["affinity", "affinities"],
  namespaced: false,
  spec: object<BlockAffinitySpec>({
    state,
    node: field(z.string(), "Who has the block."),
    type: field(
      z.enum(["host", "virtual"]).default("host") as unknown as z.ZodType<"host" | "virtual">,
      "host for a node; virtual for what is none, as the addresses of Services.",
    ),
    cidr: field(z.string(), "The range of the block."),
    deleted,
  }),
  stored: object<BlockAffinity>({ state, deleted }),
  unsupported: [],
  withDefaults: (affinity) => affinity,
  toResource: (name, { state, deleted, ...rest }) => {
    const { type, node, cidr } = ownerOf(name);
    return {
      apiVersion,
      kind: "BlockAffinity",
      metadata: { name: `${node}-${nameOfPrefix(cidr)}` },
      spec: { state, node, type, cidr, deleted, ...rest },
    };
  },
  fromResource: ({ spec: { state, node, type, cidr, deleted, ...rest } }) => ({
    name: `${type}:${node}/${cidr}`,
    value: { state, deleted, ...rest },
  }),
  columns: [
    nameColumn,
    { header: "NODE", jsonPath: ".spec.node", cell: ({ spec }) => spec.node },
    { header: "CIDR", jsonPath: ".spec.cidr", cell: ({ spec }) => spec.cidr },
    { header: "STATE", jsonPath: ".spec.state", cell: ({ spec }) => spec.state },
  ],
  get wideColumns() {
    return [
      ...this.columns,
      { header: "TYPE", jsonPath: ".spec.type", cell: ({ spec }: BlockAffinityResource) => spec.type },
    ];
  },
};

function ownerOf(name: string): Pick<BlockAffinitySpec, "type" | "node" | "cidr"> {
  const [, type, node, cidr] = /^(host|virtual):([^/]+)\/(.+)$/.exec(name) ?? [];
  if ((type !== "host" && type !== "virtual") || !node || !cidr) {
    throw new RangeError(`${JSON.stringify(name)} is no affinity, like host:node1/10.0.0.0/26`);
  }
  return { type, node, cidr };
}
