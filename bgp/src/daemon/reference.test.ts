import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readSettings } from "./readSettings.ts";
import { settingsReference } from "./reference.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

describe("the README", () => {
  it("has every field of the daemon's file, and no other", () => expect(readme).toContain(`${settingsReference()}\n`));

  it("has an example of some twenty lines that is well-formed", () => {
    const example = /```yaml\n(.*?)```/s.exec(readme)?.[1] ?? "";
    expect(readSettings(example)).toMatchObject({ kind: "settings" });
    expect(example.trimEnd().split("\n").length).toBeLessThanOrEqual(20);
  });
});
