/** What we write and read by hand, held against etcd's own declarations as its client has them. */
import { credentials } from "@grpc/grpc-js";
import { Host } from "etcd3/lib/connection-pool.js";
import { describe, expect, it } from "vitest";
import { readRangeAnswer } from "./rangeAnswer.ts";
import { readTransactionAnswer, type Transaction, writeTransaction } from "./transaction.ts";
import { readWatchAnswer } from "./watchAnswer.ts";

interface Declared {
  requestSerialize(request: object): Buffer;
  responseSerialize(response: object): Buffer;
}

function declared(service: "KV" | "Watch", method: string): Declared {
  const host = new Host("127.0.0.1:1", credentials.createInsecure(), {});
  const client = host.getServiceClient(service).constructor as unknown as {
    readonly service: Readonly<Record<string, Declared>>;
  };
  host.close();
  const definition = client.service[method];
  if (!definition) throw new TypeError(`no method ${method}`);
  return definition;
}

const header = { cluster_id: "14841639068965178418", member_id: "7", revision: "9007199254740993", raft_term: "3" };
const entries = [
  { key: "/calico/a", text: '{"name":"é"}', revision: "12" },
  { key: "/calico/b", text: "", revision: "3000000000" },
];
const kvs = entries.map(({ key, text, revision }) => ({
  key: Buffer.from(key),
  value: Buffer.from(text),
  create_revision: "5",
  mod_revision: revision,
  version: "2",
  lease: "9",
}));

describe("writeTransaction", () => {
  const { requestSerialize } = declared("KV", "Txn");
  const declaredBytes = ({ conditions, changes, otherwiseRead }: Transaction) =>
    requestSerialize({
      compare: conditions.map(({ key, revision }) => ({
        result: "Equal",
        target: "Mod",
        key: Buffer.from(key),
        mod_revision: revision,
      })),
      success: changes.map(({ key, text }) =>
        text === null
          ? { request_delete_range: { key: Buffer.from(key) } }
          : { request_put: { key: Buffer.from(key), value: Buffer.from(text) } },
      ),
      failure: otherwiseRead.map((key) => ({ request_range: { key: Buffer.from(key) } })),
    });

  it("writes what the declarations say, whatever is in it and however long it is", () => {
    const transactions: Transaction[] = [
      { conditions: [], changes: [], otherwiseRead: [] },
      { conditions: [{ key: "/a", revision: "0" }], changes: [{ key: "/a", text: "" }], otherwiseRead: ["/a"] },
      {
        conditions: [
          { key: "/é", revision: "127" },
          { key: "/b", revision: "128" },
          { key: `/${"c".repeat(300)}`, revision: "9007199254740991" },
        ],
        changes: [
          { key: "/é", text: "„ü“ 🐘" },
          { key: "/b", text: null },
          { key: "/long", text: "x".repeat(20_000) },
        ],
        otherwiseRead: ["/é", "/b", `/${"c".repeat(300)}`],
      },
    ];
    for (const size of [0, 100, 110, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 16_383, 16_384])
      transactions.push({ conditions: [], changes: [{ key: "/k", text: "y".repeat(size) }], otherwiseRead: [] });
    for (const transaction of transactions)
      expect(writeTransaction(transaction).toString("hex")).toBe(declaredBytes(transaction).toString("hex"));
  });

  it("refuses a revision that is no number which it could write", () => {
    for (const revision of ["9007199254740993", "x", "", "-1"])
      expect(() => writeTransaction({ conditions: [{ key: "/a", revision }], changes: [], otherwiseRead: [] })).toThrow(
        RangeError,
      );
  });
});

describe("readTransactionAnswer", () => {
  const { responseSerialize } = declared("KV", "Txn");

  it("reads the revision of what was done, and not what was written", () => {
    const responses = [{ response_put: { header } }, { response_delete_range: { header, deleted: "1" } }];
    expect(readTransactionAnswer(responseSerialize({ header, succeeded: true, responses }))).toEqual({
      revision: header.revision,
      succeeded: true,
      found: [],
    });
  });

  it("reads what there is where it was not done, each at its place", () => {
    const [first, second] = kvs.map((kv) => ({ response_range: { header, kvs: [kv], count: "1" } }));
    const responses = [first, { response_range: { header, kvs: [], count: "0" } }, second];
    expect(readTransactionAnswer(responseSerialize({ header, succeeded: false, responses }))).toEqual({
      revision: header.revision,
      succeeded: false,
      found: [entries[0], null, entries[1]],
    });
  });

  it("refuses what says no revision, and what ends within a member", () => {
    expect(() => readTransactionAnswer(Buffer.of())).toThrow("revision");
    const responses = kvs.map((kv) => ({ response_range: { header, kvs: [kv] } }));
    const whole = responseSerialize({ header, succeeded: false, responses });
    const headerEnd = responseSerialize({ header }).length;
    const lengths = [...whole.keys()].filter((length) => length > headerEnd);
    const refused = lengths.filter((length) => {
      try {
        readTransactionAnswer(whole.subarray(0, length));
        return false;
      } catch (error) {
        return error instanceof RangeError;
      }
    });
    // All but where one of the members ends: that it did not succeed, and the first of what was found.
    expect(lengths.length - refused.length).toBe(2);
  });
});

describe("readRangeAnswer", () => {
  it("reads what the declarations say", () => {
    const { responseSerialize } = declared("KV", "Range");
    const { member_id: _, ...own } = header;
    expect(readRangeAnswer(responseSerialize({ header, kvs, more: true, count: "20000" }))).toEqual({
      header: own,
      entries,
      lastKey: Buffer.from("/calico/b"),
      more: true,
    });
  });
});

describe("readWatchAnswer", () => {
  const { responseSerialize } = declared("Watch", "Watch");
  const quiet = { watch: 0, created: false, canceled: false, compactRevision: "0", cancelReason: "", fragment: false };

  it("reads writes and deletions in their order, and whether more of them comes", () => {
    const events = [
      { type: "Put", kv: kvs[0], prev_kv: kvs[1] },
      { type: "Delete", kv: { key: Buffer.from("/calico/c"), mod_revision: "13" } },
      { type: "Put", kv: kvs[1] },
    ];
    expect(readWatchAnswer(responseSerialize({ header, watch_id: "300", fragment: true, events }))).toEqual({
      ...quiet,
      watch: 300,
      fragment: true,
      changes: [
        { type: "put", entry: entries[0] },
        { type: "delete", key: "/calico/c", revision: "13" },
        { type: "put", entry: entries[1] },
      ],
    });
  });

  it("reads that a watch has begun, lives, and is over, and why", () => {
    const read = (response: object) => readWatchAnswer(responseSerialize({ header, ...response }));
    expect(read({ watch_id: "1", created: true })).toEqual({ ...quiet, watch: 1, created: true, changes: [] });
    expect(read({ watch_id: "2" })).toEqual({ ...quiet, watch: 2, changes: [] });
    expect(read({ watch_id: "2", canceled: true, cancel_reason: "no leader" })).toEqual({
      ...quiet,
      watch: 2,
      canceled: true,
      cancelReason: "no leader",
      changes: [],
    });
    const compacted = { canceled: true, compact_revision: "9007199254740993" };
    expect(read(compacted)).toMatchObject({ canceled: true, compactRevision: "9007199254740993" });
    expect(read({ watch_id: "-1", created: true, canceled: true })).toMatchObject({ created: true, canceled: true });
  });

  it("refuses an event of no key", () => {
    expect(() => readWatchAnswer(responseSerialize({ header, events: [{ type: "Delete" }] }))).toThrow(
      "without its key",
    );
  });
});
