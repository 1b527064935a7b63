export * from "./cluster.ts";
export * from "./evaluate.ts";
export * from "./explain.ts";
export * from "./kubernetes/convert.ts";
export type { ManifestFault } from "./kubernetes/reader.ts";
export * from "./packet.ts";
