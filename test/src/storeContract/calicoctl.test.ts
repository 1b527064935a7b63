/**
 * What a real calicoctl was given, given to ours: accepted and refused alike, and kept alike. Of the tiers that calicoctl
 * makes by itself, and of what was put beside it, nothing is expected here.
 */
import assert from "node:assert/strict";
import {
  findReadableKind,
  formatJson,
  isResourceKind,
  keyOf,
  kinds,
  MemoryData,
  MemoryStore,
  type Outcome,
  ResourceClient,
  validate,
} from "@brindle/api";
import { describe, it } from "vitest";
import { parseSession, type RecordedCommand, recordedSession } from "./calicoctlSession.ts";

const session = recordedSession();
const commands = session?.commands ?? [];

/** How many of `count` documents it took. */
function appliedBy({ exitCode, stdout }: RecordedCommand, count: number): number {
  const [, first] = /applied the first (\d+) out of/.exec(stdout) ?? [];
  return exitCode === 0 ? count : Number(first ?? 0);
}

function clientOf(store: MemoryStore): ResourceClient {
  return new ResourceClient({ store, nowMs: () => 0, newUid: () => "uid" });
}

/** Applies each file as it was applied, and says how that went. */
async function replay(
  client: ResourceClient,
): Promise<{ command: RecordedCommand; outcomes: Outcome[]; expected: number }[]> {
  const replayed = [];
  for (const command of commands) {
    const [, file] = /^apply -f (\S+)$/.exec(command.line) ?? [];
    const documents = session?.files.get(file ?? "");
    if (!documents) continue;
    const outcomes: Outcome[] = [];
    for (const document of documents) outcomes.push(await client.apply(document));
    replayed.push({ command, outcomes, expected: appliedBy(command, documents.length) });
  }
  return replayed;
}

const isStored = ({ kind }: Outcome): boolean => kind === "created" || kind === "updated" || kind === "unchanged";

describe("a recorded session", () => {
  it("is read into files, and commands with what they printed, also where JSON ends without a line break", () => {
    const text = [
      "########## 1 a part",
      ...["### file pool.yaml", "kind: IPPool", "---", "kind: Node", "### calicoctl apply -f pool.yaml", "rc=1"],
      ...["Partial success: applied the first 1 out of 2 resources:", "--- stderr", "hit error"],
      ...["### calicoctl get nodes -o json", "rc=0", "{", "}### etcd put /a b", "### calicoctl get no", "rc=0"],
    ];
    assert.deepEqual(parseSession(text.join("\n")), {
      files: new Map([["pool.yaml", [{ kind: "IPPool" }, { kind: "Node" }]]]),
      commands: [
        {
          line: "apply -f pool.yaml",
          exitCode: 1,
          stdout: "Partial success: applied the first 1 out of 2 resources:",
          stderr: "hit error",
        },
        { line: "get nodes -o json", exitCode: 0, stdout: "{\n}", stderr: "" },
        { line: "get no", exitCode: 0, stdout: "", stderr: "" },
      ],
    });
  });
});

if (session) {
  describe("a manifest that calicoctl was given", () => {
    it("is stored or refused as calicoctl did", async () => {
      const replayed = await replay(clientOf(new MemoryStore({ data: new MemoryData() })));
      assert.ok(replayed.length >= 18, `${replayed.length} commands`);
      for (const { command, outcomes, expected } of replayed) {
        const told = outcomes.map((outcome) => formatJson("resource" in outcome ? outcome.kind : outcome)).join("\n");
        assert.equal(outcomes.filter(isStored).length, expected, `${command.line}\n${told}`);
      }
    });

    for (const [name, documents] of session.files) {
      if (name.startsWith("bad-") && name !== "bad-1.yaml") {
        it(`is refused by itself: ${name}`, () => assert.equal(validate(documents[0]).kind, "invalid"));
      } else {
        for (const document of documents) {
          it(`is valid by itself: ${name}, ${formatJson(document).slice(0, 100)}`, () => {
            const judged = validate(document);
            assert.equal(judged.kind, "valid", formatJson(judged));
          });
        }
      }
    }
  });

  describe("what calicoctl then listed", () => {
    const given = new Set(
      [...session.files.values()].flat().flatMap((document) => {
        const judged = validate(document);
        return judged.kind === "valid" ? [formatJson(keyOf(judged.resource))] : [];
      }),
    );

    for (const { line, stdout, exitCode } of commands) {
      const [, word] = /^get (\w+) .*-o json$/.exec(line) ?? [];
      const kind = word === undefined ? null : findReadableKind(word);
      if (stdout.includes('"items": []')) continue; // Before anything was applied.
      if (exitCode !== 0 || !kind || !isResourceKind(kind) || !line.startsWith(`get ${kinds[kind].plural} `)) continue;
      it(`is stored as it stored it, in its order: ${line}`, async () => {
        const client = clientOf(new MemoryStore({ data: new MemoryData() }));
        await replay(client);
        const { items } = JSON.parse(stdout) as { items: ListedResource[] };
        const listed: readonly ListedResource[] = (await client.list(kind)).resources.map((found) => ({
          ...found,
          metadata: { ...found.metadata },
        }));
        const expected = items.filter((item) => given.has(formatJson(keyOf(item as never))));
        const own = listed.filter((item) => given.has(formatJson(keyOf(item as never))));
        assert.deepEqual(own.map(withoutIdentity), expected.map(withoutIdentity));
      });
    }
  });

  describe("a word for a kind", () => {
    for (const { line, stderr } of commands) {
      const [, word] = /^get (\w+)$/.exec(line) ?? [];
      if (word === undefined) continue;
      const isKnown = !stderr.includes("is not supported");
      it(`is ${isKnown ? "known" : "unknown"} as to calicoctl: ${word}`, () =>
        assert.equal(findReadableKind(word) !== null, isKnown));
    }
  });
}

interface ListedResource {
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** As text, so that the order of the members counts. */
function withoutIdentity(resource: ListedResource): string {
  const {
    uid: _uid,
    creationTimestamp: _time,
    resourceVersion: _version,
    annotations,
    ...metadata
  } = resource.metadata;
  const { "projectcalico.org/metadata": _name, ...others } = (annotations ?? {}) as Record<string, string>;
  const kept = Object.keys(others).length > 0 ? { ...metadata, annotations: others } : metadata;
  return formatJson({ ...resource, metadata: kept });
}
