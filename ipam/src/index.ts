export * from "./allocator.ts";
export * from "./assign.ts";
export * from "./audit.ts";
export {
  addressAt,
  addressesOf,
  type HeldAddress,
  loadBalancer,
  nodeOf,
  type Ordinal,
  type Owner,
  ordinalOf,
} from "./block.ts";
export * from "./blockProblems.ts";
export * from "./handle.ts";
export * from "./kept.ts";
export type { AddressRefusal, PlaceRefusal, PoolUse } from "./placement.ts";
export * from "./pools.ts";
export * from "./release.ts";
export { type AdoptionResult, adopt, hasUnallocated } from "./repair/adopt.ts";
export * from "./repair/collector.ts";
export { examine } from "./repair/examine.ts";
export { type IpamFacts, type KubernetesFacts, type PodFact, restsOnGoneNodes } from "./repair/facts.ts";
export * from "./repair/finding.ts";
export * from "./repair/sentence.ts";
export * from "./settings.ts";
export type { Found, InvalidBlock, IpamState } from "./state.ts";
export * from "./summary.ts";
export * from "./view.ts";
