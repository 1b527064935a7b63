import { expect, it } from "vitest";
import { WarmUp } from "./warmUp.ts";

it("takes a table in from one peer and tells it to another, a little a step", () => {
  const table = new WarmUp(true);
  expect(table.step()).toBe(true);
  expect(table.summary().rib.routes).toBe(512);
  while (table.step());
  const { rib, peers } = table.summary();
  expect(rib).toEqual({ prefixes: 20_480, routes: 20_480, attributeSets: 2_560 });
  expect(peers.map(({ name, state, advertised }) => ({ name, state, advertised }))).toEqual([
    { name: "teller", state: "established", advertised: 0 },
    { name: "hearer", state: "established", advertised: 20_480 },
  ]);
});
