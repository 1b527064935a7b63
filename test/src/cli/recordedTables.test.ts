/** Tables of `brindlectl get` over a real etcd that holds what a real calicoctl listed, beside those that it printed. */
import {
  etcdKey,
  findReadableKind,
  formatJson,
  isResourceKind,
  kinds,
  parseJson,
  type ResourceKind,
} from "@brindle/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";
import { type RecordedCommand, recordedSession } from "../storeContract/calicoctlSession.ts";
import { brindlectl } from "./brindlectl.ts";

const listings = (recordedSession()?.commands ?? []).flatMap(listingOf);

interface Listing {
  readonly kind: ResourceKind;
  /** What stood behind the kind: `-A -o wide`. */
  readonly options: string;
  readonly stdout: string;
}

/** Of a whole kind under its plural, where calicoctl did not end with a panic. */
function listingOf({ line, exitCode, stdout }: RecordedCommand): readonly Listing[] {
  const [, word = "", options = ""] = /^get (\w+)((?: -\S+| prod| wide| json)*)$/.exec(line) ?? [];
  const kind = findReadableKind(word);
  if (exitCode !== 0 || !kind || !isResourceKind(kind) || word !== kinds[kind].plural) return [];
  return [{ kind, options: options.trim(), stdout }];
}

/** Every object that was listed, as etcd holds it. */
function objects(): { readonly key: string; readonly text: string }[] {
  return listings
    .filter(({ options }) => options.endsWith("-o json"))
    .flatMap(({ kind, stdout }) => {
      const { items } = parseJson(stdout) as unknown as { items: Listed[] };
      return items.map(({ metadata: { resourceVersion: _never, ...metadata }, ...rest }) => {
        const { name, namespace } = metadata;
        const key = etcdKey({ kind, name, ...(namespace !== undefined && { namespace }) });
        return { key, text: formatJson({ ...rest, metadata }) };
      });
    });
}

interface Listed {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion?: string };
}

/** Without the blanks at the ends of lines, which calicoctl prints. */
function lines(table: string): string[] {
  return table
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
}

const builtIn = "/profiles/projectcalico-default-allow";

describe("tables that calicoctl printed", () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
    for (const { key, text } of objects()) if (!key.endsWith(builtIn)) await etcd.etcdctl("put", key, text);
  });
  afterAll(() => etcd[Symbol.asyncDispose]());

  for (const options of ["", "-o wide", "-n prod", "-A", "-a -o wide"]) {
    const asked = listings.filter((listing) => listing.options === options && lines(listing.stdout).length > 1);
    if (asked.length === 0) continue;
    // The empty store was listed first.
    const last = new Map(asked.map(({ kind, stdout }) => [kind, stdout]));
    const words = [...last.keys()].map((kind) => kinds[kind].plural).join();
    it(`are those of \`get ${words} ${options}\``, async () => {
      const args = options.replace("-a", "-A").split(" ").filter(Boolean);
      const shown = await brindlectl(["get", words, ...args], { env: { ETCD_ENDPOINTS: etcd.endpoint } });
      expect(shown.stderr).toBe("");
      const tables = shown.stdout.split("\n\n").map(lines);
      expect(tables).toEqual([...last.values()].map(lines));
    });
  }

  it("have only their headings where nothing was found", async () => {
    const shown = await brindlectl(["get", "networkpolicies"], { env: { ETCD_ENDPOINTS: etcd.endpoint } });
    expect(shown).toMatchObject({ exitCode: 0, stderr: "" });
    expect(lines(shown.stdout)).toEqual(["NAME   TIER"]);
  });
});
