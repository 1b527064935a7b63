/** The CRDs in a real API server: they take what Brindle takes, and refuse of the rest what a schema can say. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { crdKinds, isIpamKind, validate } from "@brindle/api";
import { afterAll, beforeAll, describe, it } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { field, list, text } from "../fixtures/json.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { recording } from "../fixtures/recordings.ts";
import { acceptedSamples, type Sample } from "./acceptedSamples.ts";
import { applyCrds } from "./crds.ts";
import { refusedSamples } from "./refusedSamples.ts";

let cluster: KubeApi;

beforeAll(async () => {
  cluster = await startKubeApi();
  await applyCrds(cluster);
}, 180_000);
afterAll(() => cluster?.[Symbol.asyncDispose]());

const titleOf = ({ kind, metadata }: Sample): string => `${kind} ${metadata.name}`;

/** Whether the server would store it, and what it says if not. Nothing is stored. */
async function dryRun(resource: Sample, group = resource.apiVersion): Promise<{ isTaken: boolean; said: string }> {
  const plural = crdKinds.find(({ kind }) => kind === resource.kind)?.plural ?? "";
  const { namespace } = resource.metadata;
  const folder = namespace === undefined ? plural : `namespaces/default/${plural}`;
  const body = {
    ...resource,
    apiVersion: group,
    metadata: { ...resource.metadata, ...(namespace && { namespace: "default" }) },
  };
  const path = `/apis/${group}/${folder}?dryRun=All&fieldValidation=Strict`;
  const answer = await cluster.request("POST", path, { body });
  return { isTaken: answer.status === 201, said: answer.body };
}

describe("the CRDs", () => {
  it("are all served, under all their names", async () => {
    const answer: unknown = JSON.parse(await cluster.kubectl(["get", "crds", "-o", "json"]));
    const conditions = list(field(answer, "items")).map((crd) => [
      field(crd, "spec", "names", "kind"),
      ...["Established", "NamesAccepted"].map((type) =>
        list(field(crd, "status", "conditions")).some(
          (condition) => field(condition, "type") === type && field(condition, "status") === "True",
        ),
      ),
      list(field(crd, "status", "conditions")).some((condition) => field(condition, "type") === "NonStructuralSchema"),
    ]);
    const expected = crdKinds.map(({ kind }) => [kind, true, true, false]);
    assert.deepEqual(conditions.sort(), expected.sort());
  });

  it("have a sample of every kind", () => {
    const kinds = new Set(acceptedSamples.map(({ kind }) => kind));
    assert.deepEqual(
      crdKinds.map(({ kind }) => kind).filter((kind) => !kinds.has(kind)),
      [],
    );
  });

  it.each(
    crdKinds.map(({ kind, plural, apiVersion }) => ({ kind, resource: `${plural}.${apiVersion.split("/")[0]}` })),
  )("explain $kind, and keep what is applied until it is deleted", async ({ kind, resource }) => {
    assert.match(await cluster.kubectl(["explain", `${resource}.spec`]), /FIELDS:\n\s+\w+\t</);
    for (const sample of acceptedSamples.filter((candidate) => candidate.kind === kind)) {
      await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(sample) });
      const { name, namespace } = sample.metadata;
      const place = [resource, name, ...(namespace === undefined ? [] : ["-n", namespace])];
      const stored: unknown = JSON.parse(await cluster.kubectl(["get", ...place, "-o", "json"]));
      assert.partialDeepStrictEqual(stored, sample); // The server adds its metadata, and defaults.
      assert.match(await cluster.kubectl(["get", ...place]), /^NAME .*ACCEPTED\s+AGE\n/);
      await cluster.kubectl(["delete", ...place]);
    }
  });

  it.each(
    acceptedSamples.filter(({ kind }) => !isIpamKind(kind)).map((sample) => ({ title: titleOf(sample), sample })),
  )("take $title, as validation does", ({ sample }) => {
    const judged = validate(sample);
    assert.deepEqual(judged.kind === "invalid" ? judged.problems : [], []);
  });

  it("keep the range of a pool, and the size of its blocks, from changing", async () => {
    const pool = (spec: object): string =>
      JSON.stringify({ apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name: "fixed" }, spec });
    await cluster.kubectl(["apply", "-f", "-"], { input: pool({ cidr: "10.50.0.0/16" }) });
    for (const [spec, code] of [
      [{ cidr: "10.50.0.0/16", blockSize: 26, disabled: true }, 0],
      [{ cidr: "10.50.0.0/16", blockSize: 27 }, 1],
      [{ cidr: "10.51.0.0/16" }, 1],
    ] as const) {
      const outcome = await cluster.runKubectl(["apply", "-f", "-"], { input: pool(spec) });
      assert.equal(outcome.exitCode, code, outcome.stderr);
      if (code !== 0) assert.match(outcome.stderr, /cannot change: make a new pool/);
    }
    await cluster.kubectl(["delete", "ippool", "fixed"]);
  });

  it.each(refusedSamples)("refuse $name, if a schema can say it", async ({ isCaughtByApiServer, resource }) => {
    assert.equal(validate(resource).kind, "invalid");
    const { isTaken, said } = await dryRun(resource);
    assert.equal(isTaken, !isCaughtByApiServer, said);
  });
});

const session = recording("calico/calicoctl-session.txt");
const theirCrds = recording("calico/crds.yaml");

// Without recordings there are fewer tests, which the run itself tells once.
if (session !== null && theirCrds !== null)
  describe("beside Calico's own CRDs", () => besideTheirs(session, theirCrds));

function besideTheirs(session: string, theirCrds: string): void {
  beforeAll(async () => {
    const all = await readFile(theirCrds, "utf8");
    const own = parseAllDocuments(all)
      .map((document): unknown => document.toJS())
      .filter((crd) => text(field(crd, "spec", "group")) === "crd.projectcalico.org");
    const input = own.map((crd) => stringify(crd)).join("---\n");
    await cluster.kubectl(["apply", "--server-side", "-f", "-"], { input, deadlineMs: 60_000 });
    await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"], {
      deadlineMs: 40_000,
    });
  }, 120_000);

  it("ours take what theirs take, of what an operator once applied", async () => {
    const samples = samplesOf(await readFile(session, "utf8"));
    let taken = 0;
    for (const sample of samples) {
      const theirs = await dryRun(sample, "crd.projectcalico.org/v1");
      if (!theirs.isTaken) continue;
      const ours = await dryRun(sample);
      assert.ok(ours.isTaken, `${titleOf(sample)}: ${ours.said}`);
      taken++;
    }
    assert.ok(taken > 20, `of ${samples.length} samples they take ${taken}`);
  });
}

/** The documents that were given to calicoctl: each file follows a line `### file NAME`. */
function samplesOf(recorded: string): Sample[] {
  const files = recorded.split(/^#{3,} /m).filter((part) => part.startsWith("file "));
  return files
    .flatMap((file) => parseAllDocuments(file.slice(file.indexOf("\n"))))
    .filter((document) => document.errors.length === 0)
    .map((document): unknown => document.toJS())
    .filter((document): document is Sample => crdKinds.some(({ kind }) => kind === field(document, "kind")));
}
