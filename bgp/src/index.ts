export * from "./control.ts";
export * from "./speaker/config.ts";
export * from "./wire/message.ts";
