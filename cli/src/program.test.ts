import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { commands } from "./commands/registry.ts";
import { type GlobalOptions, runProgram } from "./program.ts";
import { Rig } from "./testing.ts";

describe("the command line", () => {
  const wrong: { line: string; err: RegExp }[] = [
    { line: "aply -f -", err: /unknown command 'aply'\n\(Did you mean apply\?\)/ },
    { line: "bgp pers", err: /unknown command 'pers'\n\(Did you mean peers\?\)/ },
    { line: "bgp", err: /Commands:\n {2}summary/ },
    { line: "get", err: /^say what to show: a kind, or files with -f\n$/ },
    { line: "get nodes -f -", err: /^give either a kind, or files with -f\n$/ },
    { line: "get -a -f -", err: /^documents have one namespace each: leave out -A\n$/ },
    { line: "get nodez", err: /there is no kind "nodez"; did you mean nodes?\?/ },
    { line: "get quux", err: /there is no kind "quux"; there are nodes, ippools, / },
    { line: "get nodes -o html", err: /Allowed choices are table, wide, yaml, json/ },
    { line: "get nodes --frob", err: /unknown option '--frob'/ },
    { line: "get nodes,ippools x", err: /names go with one kind/ },
    { line: "apply", err: /required option '-f, --filename <path>' not specified/ },
    { line: "delete", err: /say what to delete/ },
    { line: "delete node", err: /say which Node to delete, by name/ },
    { line: "delete node a -f -", err: /either a kind with names, or files/ },
    { line: "--timeout soon get nodes", err: /--timeout soon is no time/ },
    { line: "bgp routes 10.0.0.0/26x", err: /is no prefix like .* and no address/ },
    { line: "bgp reload --dry-run", err: /--dry-run and -f go together/ },
    { line: "bgp routes --limit 0", err: /no number from 1 to 10000/ },
    { line: "ipam show --ip x", err: /--ip x is no IP address/ },
    { line: "policy explain --from a --to b --port 5432/foo", err: /is no port with its protocol/ },
  ];
  it.each(wrong)("refuses `$line` with exit code 2 and says why", async ({ line, err }) => {
    const ended = await new Rig().run(line);
    assert.match(ended.err, err);
    assert.deepEqual([ended.exitCode, ended.out], [2, ""]);
  });

  it.each(commands)("teaches `$name` by examples of it", async ({ name, summary }) => {
    const { exitCode, out } = await new Rig().run(`${name} --help`);
    assert.equal(exitCode, 0);
    assert.match(out, new RegExp(`Examples:\n(.*\n)*? .*brindlectl ${name}`));
    const [word = ""] = name.split(" ");
    assert.ok((await new Rig().run(word === name ? "--help" : `${word} --help`)).out.includes(summary.slice(0, 20)));
  });

  it("takes the options of the connection before the command and behind it", async () => {
    const seen: GlobalOptions[] = [];
    const stop = new Error("seen");
    const note = (options: GlobalOptions): never => {
      seen.push(options);
      throw stop;
    };
    const nowhere = { out: () => {}, err: () => {} };
    const lines = ["--etcd http://a:1 --timeout 500ms version", "version --etcd http://a:1 --timeout 0.5"];
    for (const line of lines) await assert.rejects(runProgram(line.split(" "), note, nowhere), stop);
    const socket = "/run/brindle/agent.sock";
    assert.deepEqual(seen, new Array(2).fill({ etcd: "http://a:1", timeout: 500, socket }));
  });
});
