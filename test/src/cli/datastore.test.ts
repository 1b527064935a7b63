/** A datastore that a real Calico filled, copied to another by `brindlectl datastore`: key for key, value for value. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";
import { processInstance } from "../fixtures/instance.ts";
import { recordedKeys, samples } from "../storeContract/recordings.ts";
import { brindlectl } from "./brindlectl.ts";

let source: Etcd;
let target: Etcd;
beforeAll(async () => {
  [source, target] = await Promise.all([startEtcd(), startEtcd()]);
  // The later of two values under one key counts.
  for (const { key, text } of [...samples, ...(recordedKeys() ?? [])]) await source.etcdctl("put", key, "--", text);
  await source.etcdctl("put", "/calico/resources/v3/projectcalico.org/ippools/copied", pool);
  for (const [name, text] of Object.entries(own)) await source.etcdctl("put", `/brindle/v1/${name}`, text);
});
afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

const pool =
  '{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"copied"},"spec":{"cidr":"10.77.0.0/16","blockSize":26}}';

/** What calicoctl's own form has no place for. */
const own = {
  "agentconfigurations/default":
    '{"kind":"AgentConfiguration","apiVersion":"brindle.network/v1alpha1","metadata":{"name":"default"},"spec":{"fieldOfTomorrow":9007199254740993}}',
};

function on({ endpoint }: Etcd, line: string, input?: string) {
  return brindlectl(line.split(" "), { env: { ETCD_ENDPOINTS: endpoint }, ...(input !== undefined && { input }) });
}

/** Without what each datastore gives its objects anew. */
async function content({ etcdctl }: Etcd): Promise<Map<string, string>> {
  const lines = (await etcdctl("get", "/", "--prefix")).split("\n");
  const content = new Map<string, string>();
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const text = (lines[i + 1] ?? "").replace(/"uid":"[^"]*",?/, "").replace(/"creationTimestamp":"[^"]*",?/, "");
    content.set(lines[i] ?? "", text.replace(',"metadata":{}', "").replace(/,}/g, "}"));
  }
  return content;
}

it("is copied with nothing lost, in the text that calicoctl reads too", async () => {
  expect(await on(source, "datastore lock")).toMatchObject({ exitCode: 0, stdout: "the datastore is locked\n" });
  const exported = await on(source, "datastore migrate export");
  expect(exported).toMatchObject({ exitCode: 0 });
  expect(exported.stdout.split("\n===\n")).toHaveLength(3);

  const imported = await on(target, "datastore import -f -", exported.stdout);
  expect(imported).toMatchObject({ exitCode: 0, stderr: "" });
  const [before, after] = [await content(source), await content(target)];
  expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
  for (const [key, text] of before) expect(after.get(key), key).toBe(text);
});

it("is not overwritten by an import, and an import that was done is nothing to do", async () => {
  const exported = await on(source, "datastore export");
  const before = await content(target);
  expect((await on(target, "datastore import -f -", exported.stdout)).stdout).toMatch(/^0 objects imported, \d+ were/);
  const other = exported.stdout.replace(/cidr: (\d+)\.\d+\.\d+\.\d+\//, "cidr: $1.99.0.0/");
  const refused = await on(target, "datastore import -f -", other);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(/is there already and differs/);
  expect(await content(target)).toEqual(before);
});
