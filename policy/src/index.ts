export * from "./cluster.ts";
export * from "./evaluate.ts";
export * from "./explain.ts";
export * from "./graph/desired.ts";
export * from "./graph/policyGraph.ts";
export * from "./kubernetes/convert.ts";
export type { ManifestFault } from "./kubernetes/reader.ts";
export * from "./packet.ts";
export * from "./policyError.ts";
