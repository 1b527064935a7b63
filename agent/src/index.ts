export { type MistakeCode, type MistakeRow, mistakes } from "./node/mistakes.ts";
export { agentRights, type Rule } from "./node/rights.ts";
