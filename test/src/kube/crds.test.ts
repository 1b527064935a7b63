/** The CRDs in a real API server: they take what Brindle takes, and refuse of the rest what a schema can say. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { type CrdDefinition, crdKinds, customResourceDefinition, isIpamKind, validate } from "@brindle/api";
import { afterAll, beforeAll, describe, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { field, list, text } from "../fixtures/json.ts";
import { type KubeApi, startKubeApi } from "../fixtures/kube/kubeApi.ts";
import { recording } from "../fixtures/recordings.ts";
import { acceptedSamples, type Sample } from "./acceptedSamples.ts";
import { applyCrds, applyOlderCrds } from "./crds.ts";
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

const definitions = crdKinds.map((definition) => ({
  ...definition,
  resource: `${definition.plural}.${definition.apiVersion.split("/")[0]}`,
}));

function specFields(definition: CrdDefinition): Readonly<Record<string, unknown>> {
  const [version] = list(field(customResourceDefinition(definition), "spec", "versions"));
  const fields = field(version, "schema", "openAPIV3Schema", "properties", "spec", "properties");
  return fields as Readonly<Record<string, unknown>>;
}

function descriptionOf(schema: unknown): string {
  return text(field(schema, "description"));
}

/** kubectl breaks lines as wide as it likes. */
function inOneLine(words: string): string {
  return words.replaceAll(/\s+/g, " ").trim();
}

/** Of a table of kubectl. Between columns stand three spaces at least, in a header one at most. */
function headersOf(table: string): string[] {
  return (table.split("\n")[0] ?? "").trim().split(/\s{2,}/);
}

/** The name is shown in any case; what has no path in the object only brindlectl can show. */
function shownHeaders({ kind, columns }: CrdDefinition): string[] {
  const own = columns.filter(({ jsonPath }) => jsonPath !== undefined).map(({ header }) => header);
  return ["NAME", ...new Set(own), ...(isIpamKind(kind) ? [] : ["ACCEPTED"]), "AGE"];
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

  it.each(definitions)(
    "keep of $kind what is applied until it is deleted, and show its columns",
    async (definition) => {
      const { kind, resource } = definition;
      for (const sample of acceptedSamples.filter((candidate) => candidate.kind === kind)) {
        await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(sample) });
        const { name, namespace } = sample.metadata;
        const place = [resource, name, ...(namespace === undefined ? [] : ["-n", namespace])];
        const stored: unknown = JSON.parse(await cluster.kubectl(["get", ...place, "-o", "json"]));
        assert.partialDeepStrictEqual(stored, sample); // The server adds its metadata, and defaults.
        assert.deepEqual(headersOf(await cluster.kubectl(["get", ...place])), shownHeaders(definition));
        const all = [...definition.columns, ...definition.wideColumns];
        assert.deepEqual(
          headersOf(await cluster.kubectl(["get", ...place, "-o", "wide"])),
          shownHeaders({ ...definition, columns: all }),
        );
        await cluster.kubectl(["delete", ...place]);
      }
    },
  );

  it.each(definitions)("explain every field of $kind in our words", async (definition) => {
    const fields = Object.entries(specFields(definition));
    const all = inOneLine(await cluster.kubectl(["explain", `${definition.resource}.spec`]));
    for (const [name, schema] of fields) {
      assert.ok(all.includes(inOneLine(`${name} <`)), name);
      assert.ok(all.includes(inOneLine(descriptionOf(schema))), name);
    }
    const [[name, schema] = ["", {}]] = fields;
    const one = inOneLine(await cluster.kubectl(["explain", `${definition.resource}.spec.${name}`]));
    assert.ok(one.includes(`DESCRIPTION: ${inOneLine(descriptionOf(schema))}`), one);
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
  beforeAll(() => applyOlderCrds(cluster, theirCrds), 120_000);

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
