export * from "./enforcer.ts";
export * from "./hitCounting.ts";
export type { Kernel, Sets } from "./kernel.ts";
