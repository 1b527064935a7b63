import { expect, it } from "vitest";
import { type Look, PendingLook } from "./pendingLook.ts";

async function taken(pending: PendingLook): Promise<Look> {
  const looks: Look[] = [];
  await pending.take(async (look) => void looks.push(look));
  const [look] = looks;
  if (!look) throw new Error("nothing was taken");
  return look;
}

it("is of what changed, once", async () => {
  const pending = new PendingLook({ isWhole: false });
  pending.add("a");
  pending.add("a");
  expect([await taken(pending), await taken(pending)]).toEqual([
    { isWhole: false, changed: ["a"] },
    { isWhole: false, changed: [] },
  ]);
});

it("leaves what is asked for meanwhile to the next one", async () => {
  const pending = new PendingLook({ isWhole: true });
  await pending.take(async () => pending.add("b"));
  expect(await taken(pending)).toEqual({ isWhole: false, changed: ["b"] });
});

it("is of all after one that failed", async () => {
  const pending = new PendingLook({ isWhole: false });
  pending.add("a");
  await expect(pending.take(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect((await taken(pending)).isWhole).toBe(true);
});
