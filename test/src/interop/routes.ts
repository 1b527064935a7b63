/** What the tests of this folder look for in a router's table. */
import { isDeepStrictEqual } from "node:util";
import type { Router } from "../fixtures/routers/router.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { nodeAddress } from "./rack.ts";

export const pods4 = "10.244.7.0/26";
export const pods6 = "fd00:244:0:7::/122";

/** As `holdsOfOurs` writes them. */
export function viaNode(...prefixes: readonly string[]): string[] {
  return prefixes.map((prefix) => `${prefix} via ${prefix.includes(":") ? "fd00:30:1::11" : nodeAddress}`);
}

/** The router's own view: what it holds with our AS in the path. */
export async function heldOfOurs(router: Router): Promise<string[]> {
  const routes = [...(await router.routes("ipv4")), ...(await router.routes("ipv6"))];
  return routes
    .filter(({ best, asPath }) => best && asPath.includes(64512))
    .map(({ prefix, nextHops }) => `${prefix} via ${nextHops[0]}`)
    .sort();
}

export async function holdsOfOurs(router: Router, wanted: readonly string[]): Promise<void> {
  await waitFor(
    async (saw) => {
      const held = await heldOfOurs(router);
      saw(held);
      return isDeepStrictEqual(held, [...wanted].sort());
    },
    { what: `${router.kind} holds of ours exactly ${wanted.join(", ") || "nothing"}` },
  );
}
