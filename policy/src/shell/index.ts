export * from "./enforcer.ts";
export type { Kernel, Sets } from "./kernel.ts";
