import { bfdSoak } from "../bench/bgp/bfdSoak.ts";
import { cniSoak } from "../cniCrash/cniSoak.ts";
import { policySoak } from "../oracle/soak.ts";
import { bgpSoak } from "../simulation/bgpSoak.ts";
import { ipamSoak } from "./ipam.ts";
import type { Soak } from "./soak.ts";

/** All that `npm run soak` knows. */
export const soaks: readonly Soak[] = [cniSoak, bgpSoak, bfdSoak, policySoak, ipamSoak];
