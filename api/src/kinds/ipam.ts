/** The kinds that address management keeps. They are read like any other, and written by it alone. */
import { type BlockAffinity, type BlockAffinityResource, blockAffinityKind } from "./blockAffinity.ts";
import { type IPAMBlock, type IPAMBlockResource, ipamBlockKind } from "./ipamBlock.ts";
import type { IpamKindDefinition } from "./ipamFields.ts";
import { type IPAMHandle, type IPAMHandleResource, ipamHandleKind } from "./ipamHandle.ts";

/** As a person reads them, and as Kubernetes holds them. */
export interface IpamResources {
  readonly IPAMBlock: IPAMBlockResource;
  readonly BlockAffinity: BlockAffinityResource;
  readonly IPAMHandle: IPAMHandleResource;
}

/** As etcd holds them, and as a `Store` tells them. */
export interface IpamValues {
  readonly IPAMBlock: IPAMBlock;
  readonly BlockAffinity: BlockAffinity;
  readonly IPAMHandle: IPAMHandle;
}

export type IpamKind = keyof IpamResources;

export const ipamKinds: { readonly [K in IpamKind]: IpamKindDefinition<IpamResources[K], IpamValues[K]> } = {
  IPAMBlock: ipamBlockKind,
  BlockAffinity: blockAffinityKind,
  IPAMHandle: ipamHandleKind,
};

export function isIpamKind(kind: string): kind is IpamKind {
  return Object.hasOwn(ipamKinds, kind);
}

/** `name` is that of the store's key. */
export function ipamResourceOf<K extends IpamKind>(kind: K, name: string, value: IpamValues[K]): IpamResources[K] {
  const definition: Pick<IpamKindDefinition<IpamResources[K], IpamValues[K]>, "toResource"> = ipamKinds[kind];
  return definition.toResource(name, value);
}
