/** `brindlectl` as a person has it: a process, files, and a real etcd. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Outcome, run } from "../fixtures/command.ts";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";
import { processInstance } from "../fixtures/instance.ts";
import { brindlectl, launcher, pool } from "./brindlectl.ts";

let etcd: Etcd;
let folder: string;
beforeAll(async () => {
  etcd = await startEtcd();
});
beforeEach(async () => {
  await etcd.etcdctl("del", "", "--from-key=true");
  folder = await (await processInstance()).createDirectory("manifests");
});
afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

/** Words as typed; `input` is what comes over standard input. */
function type(line: string, input?: string): Promise<Outcome> {
  return brindlectl(line.split(" "), {
    cwd: folder,
    env: { ETCD_ENDPOINTS: etcd.endpoint },
    ...(input !== undefined && { input }),
  });
}

async function keys(): Promise<string[]> {
  const text = await etcd.etcdctl("get", "", "--from-key=true", "--keys-only");
  return text.split("\n").filter((line) => line !== "");
}

const poolKey = (name: string) => `/calico/resources/v3/projectcalico.org/ippools/${name}`;

describe("apply", () => {
  it("stores several documents of standard input where Calico has them", async () => {
    const applied = await type("apply -f -", `${pool("a", "10.1.0.0/16")}---\n${pool("b", "fd00::/48")}`);
    expect(applied).toMatchObject({ exitCode: 0, stderr: "", stdout: "IPPool a created\nIPPool b created\n" });
    expect(await keys()).toEqual([poolKey("a"), poolKey("b")]);
  });

  it("takes files, and folders with what is below them where asked", async () => {
    await mkdir(join(folder, "fabric/rack1"), { recursive: true });
    await writeFile(join(folder, "one.yaml"), pool("one", "10.1.0.0/16"));
    await writeFile(join(folder, "fabric/two.yml"), pool("two", "10.2.0.0/16"));
    await writeFile(join(folder, "fabric/notes.txt"), "not a manifest");
    const three = { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name: "three" } };
    await writeFile(join(folder, "fabric/rack1/3.json"), JSON.stringify({ ...three, spec: { cidr: "10.3.0.0/16" } }));

    expect((await type("apply -f one.yaml -f fabric")).stdout).toBe("IPPool one created\nIPPool two created\n");
    expect((await type("apply -R -f fabric")).stdout).toBe("IPPool three created\nIPPool two unchanged\n");
    expect(await keys()).toHaveLength(3);
  });

  it("stores nothing of a set in which one document is wrong, and says where", async () => {
    await writeFile(join(folder, "a.yaml"), `${pool("a", "10.1.0.0/16")}---\n${pool("b", "10.2.0.1/16")}`);
    await writeFile(join(folder, "c.yaml"), "kind: [IPPool\nspec: {}\n");
    const { exitCode, stdout, stderr } = await type("apply -f a.yaml -f c.yaml");
    expect(exitCode).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^a\.yaml, document 2, line \d+: spec\.cidr: "10\.2\.0\.1\/16" has host bits set/m);
    expect(stderr).toMatch(/^c\.yaml, document 1, line 2, column \d+: /m);
    expect(stderr).toMatch(/\nnothing was changed\n$/);
    expect(await keys()).toEqual([]);
  });

  it("stores a Kubernetes policy as Calico's controllers do, says so, and deletes it by the same manifest", async () => {
    const policy =
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web}\nspec: {podSelector: {}}\n";
    const origin = "(from Kubernetes NetworkPolicy shop/web)";
    const applied = await type("apply -n shop -f -", policy);
    expect(applied.stdout).toBe(`NetworkPolicy shop/knp.default.web created ${origin}\n`);
    expect(await keys()).toEqual(["/calico/resources/v3/projectcalico.org/networkpolicies/shop/knp.default.web"]);
    const deleted = await type("delete -n shop -f -", policy);
    expect(deleted.stdout).toBe(`NetworkPolicy shop/knp.default.web deleted ${origin}\n`);
    expect(await keys()).toEqual([]);
  });

  it("says which file cannot be read", async () => {
    const { exitCode, stderr } = await type("apply -f none.yaml");
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "cannot read none.yaml: there is no such file\n" });
  });
});

describe("create, replace, get and delete", () => {
  it("go through the life of a resource", async () => {
    expect((await type("replace -f -", pool("a", "10.1.0.0/16"))).stderr).toMatch(/IPPool\(a\) does not exist/);
    expect((await type("create -f -", pool("a", "10.1.0.0/16"))).stdout).toBe("IPPool a created\n");
    expect((await type("create -f -", pool("a", "10.1.0.0/16"))).stderr).toMatch(/IPPool\(a\) already exists/);

    const { stdout: yaml } = await type("get ippool a -o yaml");
    const changed = yaml.replace("spec:\n", "spec:\n  disabled: true\n");
    expect((await type("replace -f -", changed)).stdout).toBe("IPPool a updated\n");
    expect((await type("replace -f -", changed)).stderr).toMatch(/has changed since resourceVersion/);

    expect((await type("get pools -o wide")).stdout).toMatch(/^NAME +CIDR +.*\na +10\.1\.0\.0\/16 /);
    expect(JSON.parse((await type("get ippools -o json")).stdout)).toMatchObject({
      kind: "IPPoolList",
      items: [{ metadata: { name: "a" }, spec: { cidr: "10.1.0.0/16", disabled: true } }],
    });
    expect(await type("delete ippool a b")).toMatchObject({ exitCode: 1, stdout: "IPPool a deleted\n" });
    expect(await keys()).toEqual([]);
  });

  it("end quietly when the reader of a long answer goes", async () => {
    const pools = Array.from({ length: 200 }, (_, i) => pool(`pool-${i}`, `10.${i}.0.0/16`)).join("---\n");
    expect((await type("apply -f -", pools)).exitCode).toBe(0);
    const line = `"${process.execPath}" "${launcher}" --etcd ${etcd.endpoint} get pools -o yaml | head -n 1; exit \${PIPESTATUS[0]}`;
    expect(await run("bash", ["--norc", "-c", line])).toMatchObject({
      exitCode: 0,
      stderr: "",
      stdout: "apiVersion: projectcalico.org/v3\n",
    });
  });
});

describe("a command line that is wrong", () => {
  it.each([
    ["aply -f x", /Did you mean apply\?/],
    ["get nodez", /did you mean nodes?\?/],
    ["get", /say what to show: a kind, or files with -f/],
  ])("`%s` ends with exit code 2", async (line, stderr) => {
    const ended = await type(line);
    expect(ended.exitCode).toBe(2);
    expect(ended.stderr).toMatch(stderr);
  });
});

describe("ipam show and policy explain", () => {
  it("read the datastore", async () => {
    await type("apply -f -", pool("a", "10.1.0.0/16"));
    expect((await type("ipam show")).stdout).toMatch(
      /\nIP Pool +10\.1\.0\.0\/16 +65536 +0 \(0%\) +0 \(0%\) +65536 \(100%\)\n$/,
    );
    expect((await type("ipam show --ip 10.1.0.1")).stdout).toBe("10.1.0.1 is in no block: nobody has it\n");
    const explained = await type("policy explain --from 192.0.2.1 --to 192.0.2.2 --port 80");
    expect(explained.stdout).toMatch(/^tcp from 192\.0\.2\.1 to 192\.0\.2\.2 port 80: ALLOWED\n/);
  });
});
