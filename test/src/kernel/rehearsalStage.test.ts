/** The stage of a rehearsal over either sort of datastore, in this process: what it holds goes with it, also when it ends halfway. */
import { readdirSync } from "node:fs";
import { Stage } from "@brindle/agent/shell";
import { beforeAll, describe, expect, it } from "vitest";
import { namespacesClosed, openNamespacesOf, openSockets, socketsClosed } from "../fixtures/openDescriptors.ts";

const interfaces = () => readdirSync("/sys/class/net").sort();

// What a process opens once stays open.
beforeAll(async () => {
  await using stage = await Stage.open({ transactions: "many", pods: 1 });
  await stage.lives(new AbortController().signal);
});

for (const transactions of ["many", "single"] as const) {
  describe(`over a datastore with transactions of ${transactions}`, () => {
    it("pods come and go, and nothing of them is left", async () => {
      const before = { interfaces: interfaces(), namespaces: openNamespacesOf("self"), sockets: openSockets() };
      {
        await using stage = await Stage.open({ transactions, pods: 2 });
        expect(openNamespacesOf("self").length).toBeGreaterThan(before.namespaces.length);
        for (let life = 0; life < 3; life++) await stage.lives(new AbortController().signal);
        expect(interfaces()).toEqual(before.interfaces);
      }
      await namespacesClosed(before.namespaces);
      await socketsClosed(before.sockets);
    });

    it("ends at any moment of a life, and works on nothing afterwards", async () => {
      const before = { namespaces: openNamespacesOf("self"), sockets: openSockets() };
      let givenUp = 0;
      for (const turns of [0, 1, 3, 6, 12, 25, 50]) {
        const ended = new AbortController();
        {
          await using stage = await Stage.open({ transactions, pods: 2 });
          const life = stage.lives(ended.signal).then(
            () => null,
            (error: unknown) => error,
          );
          for (let turn = 0; turn < turns; turn++) await new Promise((next) => setImmediate(next));
          ended.abort();
          const failure = await life;
          if (failure !== null) {
            expect(String(failure)).toContain("given up");
            givenUp += 1;
          }
        }
        await namespacesClosed(before.namespaces);
      }
      expect(givenUp).toBeGreaterThan(0);
      await socketsClosed(before.sockets);
    });
  });
}
