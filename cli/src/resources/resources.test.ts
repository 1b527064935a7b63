import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { pool, Rig } from "../testing.ts";

const two = `${pool("a", "10.1.0.0/16")}---\n${pool("b", "10.2.0.0/16")}`;

describe("apply, create and replace", () => {
  it("say of each resource what became of it", async () => {
    const rig = new Rig();
    assert.equal((await rig.run("apply -f -", two)).out, "IPPool a created\nIPPool b created\n");
    const changed = two.replace("cidr: 10.2.0.0/16", "cidr: 10.2.0.0/16, disabled: true");
    assert.equal((await rig.run("apply -f -", changed)).out, "IPPool a unchanged\nIPPool b updated\n");
  });

  it("store what is not acted on, and warn of it each time", async () => {
    const rig = new Rig();
    const tunnelled = pool("a", "10.1.0.0/16, vxlanMode: CrossSubnet, ipipMode: Never");
    const warning =
      'warning: IPPool(a) spec.vxlanMode: "CrossSubnet" is stored, and this version of Brindle does not act on it: the pool gives no addresses until it is removed; leave it out or write Never\n';
    for (const [line, done] of [
      ["create -f -", "created"],
      ["apply -f -", "unchanged"],
      ["replace -f -", "unchanged"],
    ] as const) {
      assert.deepEqual(await rig.run(line, tunnelled), { exitCode: 0, out: `IPPool a ${done}\n`, err: warning });
    }
    assert.match((await rig.run("get ippool a -o yaml")).out, /vxlanMode: CrossSubnet/);
  });

  it("warn of nothing where nothing is stored", async () => {
    const tunnelled = pool("b", "10.1.0.0/17, vxlanMode: CrossSubnet");
    const ended = await new Rig().run("apply -f -", `${pool("a", "10.1.0.0/16")}---\n${tunnelled}`);
    assert.deepEqual([ended.exitCode, /warning/.test(ended.err)], [1, false]);
  });

  it("mend by apply what cannot be read", async () => {
    const rig = new Rig();
    rig.data.writeText("/calico/resources/v3/projectcalico.org/ippools/a", "{");
    const { exitCode, out, err } = await rig.run("apply -f -", pool("a", "10.1.0.0/16"));
    assert.deepEqual([exitCode, out], [0, "IPPool a updated\n"]);
    assert.match(err, /^warning: IPPool\(a\) the document takes the place of what could not be read: is no JSON/);
    assert.equal((await rig.run("delete ippool a")).out, "IPPool a deleted\n");
  });

  const refused: { name: string; line: string; input: string; err: RegExp }[] = [
    {
      name: "apply stores nothing of manifests whose resources are wrong together",
      line: "apply -f -",
      input: `${pool("c", "10.3.0.0/16")}---\n${pool("d", "10.3.0.0/17")}`,
      err: /^input, document 2: spec\.cidr: "10\.3\.0\.0\/17" overlaps with .* IPPool c\nnothing was changed\n$/,
    },
    {
      name: "create stores nothing where one exists",
      line: "create -f -",
      input: `${pool("c", "10.3.0.0/16")}---\n${pool("a", "10.1.0.0/16")}`,
      err: /^input, document 2: IPPool\(a\) already exists\nnothing was changed\n$/,
    },
    {
      name: "replace stores nothing where one does not exist",
      line: "replace -f -",
      input: `${pool("a", "10.1.0.0/16")}---\n${pool("c", "10.3.0.0/16")}`,
      err: /^input, document 2: IPPool\(c\) does not exist\nnothing was changed\n$/,
    },
    {
      name: "a document with an older resourceVersion overwrites nothing",
      line: "apply -f -",
      input: pool("a", "10.1.0.0/16").replace("name: a", 'name: a, resourceVersion: "77"'),
      err: /has changed since resourceVersion 77/,
    },
    {
      name: "no resource at all is a failure",
      line: "apply -f -",
      input: "---\n",
      err: /^there is no resource in -\n$/,
    },
  ];
  it.each(refused)("$name", async ({ line, input, err }) => {
    const rig = new Rig();
    await rig.run("apply -f -", two);
    const before = rig.data.dump();
    const ended = await rig.run(line, input);
    assert.match(ended.err, err);
    assert.deepEqual([ended.exitCode, ended.out], [1, ""]);
    assert.deepEqual(rig.data.dump(), before);
  });
});

describe("create --skip-exists", () => {
  it("leaves what exists as it is, and makes the others", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", pool("a", "10.1.0.0/16"));
    const changed = two.replace("cidr: 10.1.0.0/16", "cidr: 10.1.0.0/16, disabled: true");
    const ended = await rig.run("create --skip-exists -f -", changed);
    assert.deepEqual(ended, { exitCode: 0, out: "IPPool a exists already\nIPPool b created\n", err: "" });
    assert.doesNotMatch((await rig.run("get ippool a -o yaml")).out, /disabled/);
  });

  it("skips nothing that is wrong", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", pool("a", "10.1.0.0/16"));
    const ended = await rig.run("create --skip-exists -f -", pool("c", "10.1.0.0/17"));
    assert.deepEqual([ended.exitCode, ended.out], [1, ""]);
    assert.match(ended.err, /overlaps with 10\.1\.0\.0\/16 of IPPool a/);
  });
});

describe("validate", () => {
  it("says what is valid, warns of what is not acted on, and stores nothing", async () => {
    const rig = new Rig();
    const ended = await rig.run("validate -f -", pool("a", "10.1.0.0/16, vxlanMode: CrossSubnet"));
    assert.deepEqual([ended.exitCode, ended.out, rig.data.dump()], [0, "IPPool a is valid\n", []]);
    assert.match(ended.err, /^warning: IPPool a spec\.vxlanMode: "CrossSubnet" is stored/);
  });

  it("tells every problem at once", async () => {
    const wrong = `${pool("a", "10.1.0.0/33")}---\n${pool("b", "10.2.0.1/16")}`;
    const { exitCode, out, err } = await new Rig().run("validate -f -", wrong);
    assert.deepEqual([exitCode, out], [1, ""]);
    assert.match(err, /^input, document 1, line \d+: spec\.cidr: .*\ninput, document 2, line \d+: spec\.cidr: /);
  });
});

describe("get", () => {
  it("shows what is stored of the resources of a file, and tells which are not", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", pool("a", "10.1.0.0/16"));
    const { exitCode, out, err } = await rig.run("get -f -", two);
    assert.equal(out, "NAME   CIDR          SELECTOR\na      10.1.0.0/16   all()\n");
    assert.deepEqual([exitCode, err], [1, "IPPool b does not exist\n"]);
    assert.match(
      (await rig.run("get -o yaml -f -", pool("a", "10.1.0.0/16"))).out,
      /^apiVersion: .*\nkind: .*\nmetadata:\n {2}name: a\n {2}uid: uid-\d/,
    );
  });

  it("lists in every form what apply takes again", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", two);
    for (const form of ["yaml", "json"]) {
      const { out } = await rig.run(`get ippools -o ${form}`);
      assert.equal((await rig.run("apply -f -", out)).out, "IPPool a unchanged\nIPPool b unchanged\n");
    }
  });

  it("exports what another cluster takes, the built-in profile left out", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", two);
    const { out } = await rig.run("get all -A --export -o yaml");
    assert.doesNotMatch(out, /uid|resourceVersion|creationTimestamp/);
    assert.equal((await new Rig().run("create -f -", out)).out, "IPPool a created\nIPPool b created\n");
  });

  it("shows a resource that was asked for by name alone as itself", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", two);
    assert.match((await rig.run("get pool a -o yaml")).out, /^apiVersion: projectcalico.org\/v3\nkind: IPPool\n/);
    assert.match((await rig.run("get pool a b -o yaml")).out, /\nkind: IPPoolList\n/);
  });

  it("shows those that exist, and tells of those that do not", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", two);
    const { exitCode, out, err } = await rig.run("get ippool a x");
    assert.equal(out, "NAME   CIDR          SELECTOR\na      10.1.0.0/16   all()\n");
    assert.deepEqual([exitCode, err], [1, "IPPool x does not exist\n"]);
  });

  it("takes a namespace, or all of them with a column for it", async () => {
    const rig = new Rig();
    const policy = (namespace: string) =>
      `apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: p, namespace: ${namespace}}\nspec: {}\n`;
    await rig.run("apply -f -", `${policy("default")}---\n${policy("shop")}`);
    assert.match((await rig.run("get np")).out, /^NAME .*\np .*\n$/);
    assert.match((await rig.run("get np -n shop -o yaml")).out, /namespace: shop/);
    for (const all of ["-A", "-a", "--all-namespaces"]) {
      assert.match((await rig.run(`get np ${all}`)).out, /^NAMESPACE .*\ndefault .*\nshop .*\n$/);
    }
  });

  it("shows what address management keeps, whole and by name, and writes none of it", async () => {
    const rig = new Rig();
    rig.data.writeText("/calico/ipam/v2/host/node1/ipv4/block/10.1.0.0-26", '{"state":"confirmed","deleted":false}');
    rig.data.writeText("/calico/ipam/v2/handle/net.a", '{"block":{"10.1.0.0/26":2},"deleted":false}');
    const affinity = "node1-10-1-0-0-26";
    const table = `NAME                NODE    CIDR          STATE\n${affinity}   node1   10.1.0.0/26   confirmed\n`;
    assert.equal((await rig.run("get blockaffinities")).out, table);
    assert.equal((await rig.run(`get affinity ${affinity}`)).out, table);
    assert.match((await rig.run("get ipamhandles -o yaml")).out, /\n {4}spec:\n {6}handleID: net\.a\n/);
    assert.equal((await rig.run("get affinity x")).err, "BlockAffinity x does not exist\n");
    const refused = await rig.run(`delete blockaffinity ${affinity}`);
    assert.deepEqual([refused.exitCode, rig.data.dump().length], [2, 2]);
    assert.match(refused.err, /blockaffinities are written by address management alone/);
  });

  it("shows what is stored and cannot be read as a problem, beside the rest", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", two);
    const [first] = rig.data.dump();
    rig.data.writeText(first?.key ?? "", "{");
    const { exitCode, out, err } = await rig.run("get ippools");
    assert.equal(exitCode, 1);
    assert.match(err, /^IPPool\(a\) cannot be read: is no JSON/);
    assert.match(out, /^NAME .*\nb .*\n$/);
  });
});

describe("delete", () => {
  it("goes on after what does not exist, and fails at the end", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", two);
    const { exitCode, out, err } = await rig.run("delete ippool x a");
    assert.deepEqual([exitCode, out], [1, "IPPool a deleted\n"]);
    assert.match(err, /^IPPool\(x\) does not exist\n$/);
    assert.equal((await rig.run("delete ippool x b --skip-not-exists")).exitCode, 0);
  });

  it("takes manifests, and checks them before anything goes", async () => {
    const rig = new Rig();
    await rig.run("apply -f -", two);
    const before = rig.data.dump();
    assert.equal((await rig.run("delete -f -", `${two}---\nkind: Foo\n`)).exitCode, 1);
    assert.deepEqual(rig.data.dump(), before);
    assert.equal((await rig.run("delete -f -", two)).out, "IPPool a deleted\nIPPool b deleted\n");
  });
});
