import type { Soak } from "./soak.ts";

/** All that `npm run soak` knows. */
export const soaks: readonly Soak[] = [];
