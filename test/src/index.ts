export * from "./fixtures/command.ts";
export * from "./fixtures/error.ts";
export * from "./fixtures/etcd.ts";
export * from "./fixtures/instance.ts";
export * from "./fixtures/namespace.ts";
export * from "./fixtures/waitFor.ts";
