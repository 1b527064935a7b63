import { MemoryData, MemoryStore } from "@brindle/api";
import { describeStoreContract } from "./contract.ts";
import type { Subject } from "./subject.ts";

describeStoreContract("the store in memory", async () => memorySubject());

function memorySubject(): Subject {
  const data = new MemoryData();
  const store = new MemoryStore({ data });
  return {
    store,
    other: new MemoryStore({ data }),
    writeText: async (key, text) => data.writeText(key, text),
    readText: async (key) => data.entry(key)?.text ?? null,
    cut: async () => store.disconnect("cut by the test"),
    mend: async () => store.reconnect(),
    restart: async () => {
      store.disconnect("restarting");
      await Promise.resolve();
      store.reconnect();
    },
    compact: async () => data.compact(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}
