export * from "./attachment.ts";
export * from "./config.ts";
export * from "./environment.ts";
export * from "./error.ts";
export * from "./plugin.ts";
export * from "./ports.ts";
export * from "./relay.ts";
export * from "./workloadEndpoint.ts";
