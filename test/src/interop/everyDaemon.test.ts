/** Each feature of the matrix has each daemon: where features are cells of one session, and where daemons do them by themselves. */
import { describe, expect, it } from "vitest";
import { daemonNames, unableTo } from "./everyDaemon.ts";
import { cells as reflectingCells, reflectingSubjects } from "./reflectors.ts";
import { cells, subjects } from "./subjects.ts";

describe("the matrix", () => {
  it.each([
    { what: "one session with everything", daemons: subjects },
    { what: "reflectors", daemons: reflectingSubjects },
  ])("has every daemon in $what", ({ daemons }) => {
    expect(daemons.map(({ name }) => name).sort()).toEqual([...daemonNames].sort());
  });

  it("has a reason for what does not show, and for nothing else", () => {
    const transport = ["TCP MD5 (RFC 2385)", "GTSM (RFC 5082)"];
    for (const { name, shows, missing } of subjects) {
      const shown: Readonly<Record<string, RegExp | null>> = shows;
      const unshown = cells.filter((cell) => !transport.includes(cell) && !shown[cell]);
      expect(Object.keys(missing).sort(), name).toEqual(unshown.sort());
    }
    for (const { missing } of reflectingSubjects) {
      for (const cell of Object.keys(missing)) expect(reflectingCells).toContain(cell);
    }
  });

  it("fails for a daemon without a cell, and for one that can and cannot", () => {
    const four = daemonNames.slice(1).map((name) => ({ name }));
    expect(() => unableTo("flying", four, {})).toThrow("flying: BIRD has no cell");
    expect(() => unableTo("flying", four, { BIRD: "no wings", FRR: "no wings" })).toThrow("FRR can and cannot");
    expect(unableTo("flying", four, { BIRD: "no wings" })).toMatchObject([{ name: "BIRD", why: "no wings" }]);
  });
});
