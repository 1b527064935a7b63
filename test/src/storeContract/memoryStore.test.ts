import { MemoryData, MemoryStore } from "@brindle/api";
import { describeStoreContract } from "./contract.ts";
import { describeStoredText, type TextSubject } from "./storedText.ts";
import { describeTransactions } from "./transactions.ts";

for (const describeStore of [describeStoreContract, describeTransactions, describeStoredText]) {
  describeStore("the store in memory", async () => memorySubject());
}

function memorySubject(): TextSubject {
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
