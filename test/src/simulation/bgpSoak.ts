import type { Soak } from "../soak/soak.ts";
import { playRound } from "./round.ts";

/** `npm run soak -- bgp`. */
export const bgpSoak: Soak = {
  name: "bgp",
  what: "36 speakers in virtual time reach the tables that a naive computation gives, whatever happens in which order",
  open: async () => ({
    round: async (seed) => playRound(seed, { routersMax: 36, incidents: 60 }),
    [Symbol.asyncDispose]: async () => {},
  }),
};
