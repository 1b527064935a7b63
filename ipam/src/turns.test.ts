import { describe, expect, it } from "vitest";
import { Turns } from "./turns.ts";

describe("Turns", () => {
  it("runs one task after the other, in the order in which they came", async () => {
    const turns = new Turns(() => false);
    const log: string[] = [];
    const task = (name: string) => async (): Promise<string> => {
      log.push(`${name} begins`);
      await Promise.resolve();
      log.push(`${name} ends`);
      return name;
    };
    expect(await Promise.all([turns.take(task("a")), turns.take(task("b"))])).toEqual(["a", "b"]);
    expect(log).toEqual(["a begins", "a ends", "b begins", "b ends"]);
  });

  it("goes on after a failure that concerns one task alone", async () => {
    const turns = new Turns(() => false);
    const failing = turns.take(() => Promise.reject(new Error("mine")));
    const next = turns.take(async () => "done");
    await expect(failing).rejects.toThrow("mine");
    expect(await next).toBe("done");
  });

  it("fails those who wait with a failure that is theirs too, but not those who come later", async () => {
    const turns = new Turns(() => true);
    const asked = [turns.take(() => Promise.reject(new Error("away"))), turns.take(async () => "never")];
    const settled = await Promise.allSettled(asked);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await turns.take(async () => "back")).toBe("back");
  });

  it("takes no more than a thousand", () => {
    const turns = new Turns(() => false);
    const taken = Array.from({ length: 1_002 }, () => turns.take(() => new Promise<never>(() => {})));
    // One runs, a thousand wait.
    expect(taken.filter((promise) => promise === null)).toHaveLength(1);
  });
});
