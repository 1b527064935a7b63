export * from "./pendingDels.ts";
export * from "./server.ts";
