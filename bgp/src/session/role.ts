/** Roles of the two ends of an external session: RFC 9234 §4.2. */
import type { BgpRole, Open } from "../wire/message.ts";
import type { SessionConfig } from "./config.ts";

/** What the peer must be to us, by what we are to it. */
const counterpart: Readonly<Record<BgpRole, BgpRole>> = {
  provider: "customer",
  customer: "provider",
  routeServer: "routeServerClient",
  routeServerClient: "routeServer",
  peer: "peer",
};

/** Why the session may not be, or `null`. Of several roles that are the same, one counts. */
export function roleProblem({ ours, strict }: NonNullable<SessionConfig["role"]>, open: Open): string | null {
  const theirs = new Set(open.capabilities.flatMap((each) => (each.name === "role" ? [each.role] : [])));
  if (theirs.size > 1) return `the peer says that it is ${[...theirs].join(" and ")} at once`;
  const [role] = theirs;
  if (role === undefined) return strict ? "the peer does not say its role, and ours is strict" : null;
  if (counterpart[ours] === role) return null;
  return `we are ${ours} to the peer, which says that it is ${role} to us`;
}
