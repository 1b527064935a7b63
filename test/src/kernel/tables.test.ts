import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isKernelError, type KernelError, type TableTransaction } from "@brindle/net";
import { detectTablesBackend, openTables, type Tables } from "@brindle/net/shell";
import { describe, expect, it, vi } from "vitest";
import { exec } from "../fixtures/command.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

async function failureOf(promise: Promise<unknown>): Promise<KernelError["failure"] | null> {
  return promise.then(
    () => null,
    (error: unknown) => (isKernelError(error) ? error.failure : Promise.reject(error)),
  );
}

/** The chains of ours, as the save command shows them. */
async function shown(node: Namespace, { family, backend }: Tables): Promise<string[]> {
  const command = `${family === 4 ? "iptables" : "ip6tables"}-${backend}-save`;
  const text = await node.exec(command, ["-t", "filter"]);
  return text.split("\n").filter((line) => line.includes("b-"));
}

/** Puts another command in the place of iptables-nft-save, which notes what it is called with. */
async function countedSaves(family: 4 | 6) {
  const directory = await mkdtemp(join(tmpdir(), "brindle-saves-"));
  const command = family === 4 ? "iptables-nft-save" : "ip6tables-nft-save";
  const real = (await exec("which", [command])).trim();
  const [log, failing] = [join(directory, "log"), join(directory, "failing")];
  const script = [
    "#!/bin/sh",
    `echo "$*" >> ${log}`,
    `if [ $# = 0 ] && [ -e ${failing} ]; then exit 1; fi`,
    `exec ${real} "$@"`,
  ];
  await writeFile(join(directory, command), `${script.join("\n")}\n`, { mode: 0o755 });
  await writeFile(log, "");
  vi.stubEnv("PATH", `${directory}:${process.env.PATH}`);
  return {
    command: real,
    failTogether: () => writeFile(failing, ""),
    /** Since it was asked last. */
    taken(): string[] {
      const lines = readFileSync(log, "utf8").split("\n").slice(0, -1);
      writeFileSync(log, "");
      return lines;
    },
    async [Symbol.asyncDispose]() {
      vi.unstubAllEnvs();
      await rm(directory, { recursive: true });
    },
  };
}

const fill = (name: string, ...rules: string[][]): TableTransaction => ({ table: "filter", chains: [{ name, rules }] });

for (const backend of ["nft", "legacy"] as const) {
  for (const family of [4, 6] as const) {
    describe(`tables of IPv${family}, ${backend}`, () => {
      it("are filled, hooked in, read back, changed and removed", async () => {
        await using node = await createNamespace(`tables-${backend}${family}`);
        const tables = openTables({ family, backend, namespace: node.path });
        const comment = `a "quoted" \\ word, it's #1`;
        await tables.commit([
          {
            table: "filter",
            chains: [
              { name: "b-in", rules: [["-m", "comment", "--comment", comment, "-j", "b-log"]] },
              { name: "b-log", rules: [["-p", "tcp", "--dport", "80", "-j", "DROP"]] },
            ],
            hooks: [{ op: "insert", chain: "FORWARD", rule: ["-j", "b-in"] }],
          },
          { table: "nat", chains: [{ name: "b-nat", rules: [["-j", "RETURN"]] }] },
        ]);
        const filter = await tables.save("filter", { counters: true });
        expect(filter.chains.get("FORWARD")?.rules.map((rule) => rule.arguments)).toEqual([["-j", "b-in"]]);
        expect(filter.chains.get("b-in")?.rules[0]).toEqual({
          arguments: ["-m", "comment", "--comment", comment, "-j", "b-log"],
          counters: { packets: 0n, bytes: 0n },
        });
        expect((await tables.save("nat")).chains.get("b-nat")?.rules).toHaveLength(1);

        await tables.commit([fill("b-log", ["-j", "ACCEPT"])]);
        expect(await shown(node, tables)).toContain("-A b-log -j ACCEPT");
        expect(await shown(node, tables)).not.toContain(expect.stringContaining("DROP"));

        await tables.commit([
          {
            table: "filter",
            hooks: [{ op: "delete", chain: "FORWARD", rule: ["-j", "b-in"] }],
            deletedChains: ["b-in", "b-log", "b-never-was"],
          },
        ]);
        expect(await shown(node, tables)).toEqual([]);
      });

      it("take all of a transaction or nothing, and say which line was refused", async () => {
        await using node = await createNamespace(`atomic-${backend}${family}`);
        const tables = openTables({ family, backend, namespace: node.path });
        await tables.commit([{ table: "filter", deletedChains: ["b-never-was"] }]);
        const failure = await failureOf(tables.commit([fill("b-good", ["-j", "ACCEPT"]), fill("b-bad", ["--bogus"])]));
        expect(failure).toMatchObject({ code: "COMMAND_FAILED", line: "-A b-bad --bogus" });
        expect(failure?.code === "COMMAND_FAILED" && failure.stderr).toContain("--bogus");
        expect(await shown(node, tables)).toEqual([]);
      });

      it("fail when the kernel refuses what the command has taken", async () => {
        await using node = await createNamespace(`loop-${backend}${family}`);
        const tables = openTables({ family, backend, namespace: node.path });
        const hooks = [{ op: "insert" as const, chain: "FORWARD", rule: ["-j", "b-there"] }];
        const loop = { ...fill("b-there", ["-j", "b-back"]), hooks };
        const refused = tables.commit([fill("b-back", ["-j", "b-there"]), loop]);
        expect(await failureOf(refused)).toMatchObject({ code: "COMMAND_FAILED" });
        expect(await shown(node, tables)).toEqual([]);
      });

      it("are changed over what others have changed meanwhile, and after the command was killed", async () => {
        await using node = await createNamespace(`others-${backend}${family}`);
        const tables = openTables({ family, backend, namespace: node.path });
        await tables.commit([fill("b-ours", ["-j", "ACCEPT"])]);
        const command = `${family === 4 ? "iptables" : "ip6tables"}-${backend}`;
        await node.exec(command, ["-A", "b-ours", "-j", "DROP"]);
        await node.exec(command, ["-N", "b-theirs"]);
        await tables.commit([fill("b-ours", ["-j", "RETURN"])]);
        expect(await shown(node, tables)).toEqual([":b-ours - [0:0]", ":b-theirs - [0:0]", "-A b-ours -j RETURN"]);

        for (const pid of (await exec("ip", ["netns", "pids", node.name])).split("\n").filter(Boolean)) {
          process.kill(Number(pid), "SIGKILL");
        }
        // The first may fail, as whatever the command was doing; then another command is there.
        const commit = (): Promise<unknown> => failureOf(tables.commit([fill("b-ours", ["-j", "DROP"])]));
        await waitFor(async () => (await commit()) === null, { what: "a commit succeeds" });
        expect(await shown(node, tables)).toContain("-A b-ours -j DROP");
      });

      it("are changed once what rules need is complete, and not where that comes to nothing", async () => {
        await using node = await createNamespace(`gates-${backend}${family}`);
        const tables = openTables({ family, backend, namespace: node.path });
        const { promise: never, reject } = Promise.withResolvers<void>();
        const [first, second] = [fill("b-1", ["-j", "ACCEPT"]), fill("b-2", ["-j", "b-1"])];
        const abandoned = tables.commit([first], never);
        const gathered = tables.commit([second], never);
        reject(new RangeError("comes to nothing"));
        await expect(abandoned).rejects.toThrow("comes to nothing");
        await expect(gathered).rejects.toThrow("comes to nothing");

        const { promise, resolve } = Promise.withResolvers<void>();
        const refused = failureOf(tables.commit([fill("b-bad", ["--bogus"])], promise));
        expect(await refused).toMatchObject({ code: "COMMAND_FAILED", line: "-A b-bad --bogus" });
        const committed = tables.commit([first], promise);
        // Long enough for the rules to be read.
        await new Promise((read) => setTimeout(read, 100));
        expect(await shown(node, tables)).toEqual([]);
        resolve();
        await committed;
        expect(await shown(node, tables)).toEqual([":b-1 - [0:0]", "-A b-1 -j ACCEPT"]);
        await tables.commit([second]);
        expect(await shown(node, tables)).toContain("-A b-2 -j b-1");
      });

      it("gather what is asked for meanwhile, and fail only who is at fault", async () => {
        await using node = await createNamespace(`gather-${backend}${family}`);
        const tables = openTables({ family, backend, namespace: node.path });
        const outcomes = await Promise.allSettled([
          tables.commit([fill("b-first")]),
          tables.commit([fill("b-1", ["-j", "ACCEPT"])]),
          tables.commit([fill("b-wrong", ["-j", "b-nowhere"])]),
          tables.commit([fill("b-2", ["-j", "b-1"])]),
          tables.commit([]),
        ]);
        expect(outcomes.map((outcome) => outcome.status)).toEqual([
          ...["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"],
        ]);
        expect((await shown(node, tables)).filter((line) => line.startsWith("-A"))).toEqual([
          ...["-A b-1 -j ACCEPT", "-A b-2 -j b-1"],
        ]);
      });

      it("are read without being made", async () => {
        await using node = await createNamespace(`unmade-${backend}${family}`);
        const tables = openTables({ family, backend, namespace: node.path });
        await tables.commit([fill("b-ours", ["-j", "ACCEPT"])]);
        for (const table of ["nat", "mangle", "raw"] as const) {
          const { chains } = await tables.save(table);
          expect([...chains.values()].flatMap(({ rules }) => rules)).toEqual([]);
        }
        expect((await tables.save("filter")).chains.get("b-ours")?.rules).toHaveLength(1);
        const names = await node.exec("cat", [`/proc/net/ip${family === 4 ? "" : "6"}_tables_names`]);
        expect(names.split("\n").filter(Boolean)).toEqual(backend === "legacy" ? ["filter"] : []);
      });

      it("are read and changed beside rules of nftables in the same table that iptables has no words for", async () => {
        await using node = await createNamespace(`native-${backend}${family}`);
        const tables = openTables({ family, backend, namespace: node.path });
        const native = async (...rule: string[]) => node.exec("nft", [...rule]);
        const of = family === 4 ? "ip" : "ip6";
        await tables.commit([
          {
            table: "filter",
            chains: [
              { name: "b-in", rules: [["-m", "comment", "--comment", "x y", "-g", "b-deep"]] },
              { name: "b-deep", rules: [["-p", "tcp", "-j", "DROP"]] },
            ],
            hooks: [{ op: "insert", chain: "FORWARD", rule: ["-j", "b-in"] }],
          },
        ]);
        const before = await tables.save("filter");
        if (backend === "legacy") await native("add", "table", of, "filter");
        await native("add", "chain", of, "filter", "others");
        await native("add", "rule", of, "filter", "others", "ct state vmap { established : accept, related : accept }");
        if (backend === "nft") await native("add", "rule", of, "filter", "FORWARD", "counter", "jump", "others");
        const beside = await tables.save("filter", { prefix: "b-" });
        for (const chain of ["b-in", "b-deep"]) expect(beside.chains.get(chain)).toEqual(before.chains.get(chain));
        const others = backend === "nft" ? [["-j", "others"]] : [];
        const forward = () =>
          tables.save("filter").then(({ chains }) => chains.get("FORWARD")?.rules.map((rule) => rule.arguments));
        expect(await forward()).toEqual([["-j", "b-in"], ...others]);
        await tables.commit([
          { ...fill("b-new", ["-j", "ACCEPT"]), hooks: [{ op: "insert", chain: "FORWARD", rule: ["-j", "b-new"] }] },
        ]);
        expect(await forward()).toEqual([["-j", "b-new"], ["-j", "b-in"], ...others]);
        if (backend === "legacy") return;
        await native("add", "rule", of, "filter", "FORWARD", "ct state vmap { established : accept }");
        expect(await failureOf(tables.save("filter"))).toMatchObject({
          code: "MALFORMED",
          object: "chain FORWARD of table filter has rules of nftables that iptables cannot tell",
        });
      });

      if (backend === "nft") {
        it("are read by one process, whatever is in tables that nobody asks for, and one by one where that fails", async () => {
          await using node = await createNamespace(`shared-${family}`);
          const tables = openTables({ family, backend, namespace: node.path });
          const nat: TableTransaction = { table: "nat", chains: [{ name: "b-nat", rules: [["-j", "RETURN"]] }] };
          await tables.commit([fill("b-in", ["-j", "ACCEPT"]), nat]);
          await using saves = await countedSaves(family);
          const read = async () => {
            const [filter, nat] = await Promise.all([tables.save("filter"), tables.save("nat")]);
            expect(filter.chains.get("b-in")?.rules).toHaveLength(1);
            expect(nat.chains.get("b-nat")?.rules).toHaveLength(1);
            return saves.taken();
          };
          expect(await read()).toEqual([""]);

          const of = family === 4 ? "ip" : "ip6";
          await node.exec("nft", ["add", "table", of, "raw"]);
          await node.exec("nft", ["add", "chain", of, "raw", "others"]);
          const native = "ct state vmap { established : accept, related : accept }";
          await node.exec("nft", ["add", "rule", of, "raw", "others", native]);
          expect(await node.exec(saves.command, ["-t", "raw"])).toContain("incompatible");
          saves.taken();
          expect(await read()).toEqual([""]);
          const withRaw = await Promise.all([tables.save("filter"), tables.save("raw", { prefix: "b-" })]);
          expect(withRaw.map(({ table }) => table)).toEqual(["filter", "raw"]);
          expect(saves.taken()).toEqual([""]);

          await saves.failTogether();
          expect((await read()).sort()).toEqual(["", "-t filter", "-t nat"]);
          expect((await read()).sort()).toEqual(["-t filter", "-t nat"]);
        });
      }

      it("are found to be the node's choice when they alone have rules", async () => {
        await using node = await createNamespace(`detect-${backend}${family}`);
        const command = family === 4 ? "iptables" : "ip6tables";
        await node.exec(`${command}-${backend}`, ["-A", "INPUT", "-j", "ACCEPT"]);
        expect(await detectTablesBackend(family, { namespace: node.path })).toBe(backend);
      });
    });
  }
}
