export { Pace, policyPace } from "../node/pace.ts";
export { CoalescedWork } from "./coalescedWork.ts";
export { Stage } from "./rehearsal/stage.ts";
export { Links, type LinksOptions } from "./wiring/links.ts";
export { PairThread } from "./wiring/pairs.ts";
