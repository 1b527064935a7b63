/** The list of RFCs in DESIGN.md: it is whole, and each of its tests is there under the name of its RFC. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const own = new URL("./", import.meta.url);
const design = readFileSync(new URL("../DESIGN.md", import.meta.url), "utf8");

/** What this speaker promises; more may stand in the list. */
const promised = [
  4271, 4760, 2545, 5492, 6793, 6286, 7606, 7607, 4486, 6608, 9003, 8212, 4456, 1997, 8092, 8642, 2918, 7313, 4724,
  8538, 9494, 2385, 5082, 5880, 5881, 5882, 5883, 9384, 7911, 8950, 8654, 9072, 9234, 8326, 9687, 9774, 7854, 8671,
  9069,
];

interface Row {
  readonly rfcs: readonly number[];
  readonly files: readonly string[];
  readonly tests: readonly URL[];
}

const rows: Row[] = (/^## RFCs$(.*?)^## /ms.exec(design)?.[1] ?? "")
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter(([, rfc]) => /^\d/.test(rfc ?? ""))
  .map(([, rfc = "", , files = "", tests = ""]) => ({
    rfcs: [...rfc.matchAll(/\b\d{4}\b/g)].map(([number]) => Number(number)),
    files: [...files.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
    tests: testsOf(tests),
  }));

/** `x.test.ts` after `interop` is one of the routers' tests, else of this workspace. */
function testsOf(cell: string): URL[] {
  let folder = "";
  return [...cell.matchAll(/(interop|daemon) (?=`)|`([^`]+)`/g)].flatMap(([, place, name]) => {
    if (place !== undefined) folder = place;
    if (name === undefined) return [];
    const places: Readonly<Record<string, string>> = {
      interop: "../../test/src/interop/",
      daemon: "../../test/src/bgpDaemon/",
    };
    return [new URL(`${places[folder] ?? ""}${name}`, own)];
  });
}

/** Whether a test of the file, or a row of its tables, bears the number. */
function names(text: string, rfc: number): boolean {
  return new RegExp(`\\b(it|describe|name|section|title)\\b[^\\n]{0,12}["\`(][^\\n]*RFC ${rfc}\\b`).test(text);
}

describe("the list of RFCs", () => {
  it("has all that are promised", () => {
    const listed = new Set(rows.flatMap(({ rfcs }) => rfcs));
    expect(promised.filter((rfc) => !listed.has(rfc))).toEqual([]);
  });

  for (const { rfcs, files, tests } of rows) {
    it(`says where RFC ${rfcs.join(", ")} is, and by which test it is held`, () => {
      expect(
        files.filter((name) => !existsSync(new URL(name.startsWith("net/") ? `../../${name}` : name, own))),
      ).toEqual([]);
      expect(tests.filter((url) => !existsSync(url)).map(({ pathname }) => pathname)).toEqual([]);
      const texts = tests.map((url) => readFileSync(url, "utf8"));
      expect(rfcs.filter((rfc) => !texts.some((text) => names(text, rfc)))).toEqual([]);
    });
  }
});
