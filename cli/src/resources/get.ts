/** `get`: reads what was asked for, and hands it to the output forms. */
import {
  type AnyResource,
  type ColumnContext,
  defaultAllowProfile,
  type IpamKind,
  isResourceKind,
  type Key,
  keyOf,
  kinds,
  nodeAsNumber,
  type ReadableKind,
  type ResourceClient,
  type ResourceKind,
  type ResourceList,
  resourceKinds,
  withoutIdentity,
} from "@brindle/api";
import type { ExitCode } from "../command.ts";
import { namespaceDefault } from "../commands/options.ts";
import { usage } from "../error.ts";
import { formatResourceKey } from "../manifest/prepare.ts";
import type { OutputForm } from "../output/form.ts";
import { type Found, formatResources } from "../output/resources.ts";
import type { Ports } from "../ports.ts";
import { clientOn } from "./client.ts";
import { readableKindNamed } from "./kindNamed.ts";
import { type ManifestOptions, readResources } from "./manifests.ts";

export interface GetOptions extends Partial<ManifestOptions> {
  /** A table has a column of namespaces where it is given. */
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly output: OutputForm;
  readonly export?: boolean;
}

export async function getResources(
  kindWords: string | undefined,
  names: readonly string[],
  options: GetOptions,
  ports: Ports,
): Promise<ExitCode> {
  const keys = await keysOfManifests(kindWords, options, ports);
  const asked = kindWords === undefined ? [] : kindsNamed(kindWords);
  if (names.length > 0 && asked.length > 1) throw usage("names go with one kind");
  if (names.length > 0 && options.allNamespaces) throw usage("names go with one namespace: leave out -A");
  const client = clientOn(await ports.store(), ports);
  const reader = new Reader(client, options);
  const [first] = asked;
  const found = keys
    ? await reader.keyed(keys)
    : first && names.length > 0
      ? [await reader.named(first, names)]
      : await reader.listed(asked);

  for (const problem of reader.problems) ports.warn(problem);
  const isTable = options.output === "table" || options.output === "wide";
  // An empty table answers who asked for one kind; of several kinds, and of names, there is shown what was found.
  const isWhole = !keys && names.length === 0 && (asked.length === 1 || !isTable);
  const shown = isWhole ? found : found.filter(({ resources }) => resources.length > 0);
  if (shown.length > 0) {
    const output = {
      form: options.output,
      withNamespace: options.allNamespaces || options.namespace !== undefined,
      single: (keys ?? names).length === 1,
      context: await contextOf(client, shown, options),
    };
    ports.print(formatResources(options.export ? shown.map(forAnyCluster) : shown, output));
  }
  return reader.problems.length > 0 ? 1 : 0;
}

class Reader {
  readonly problems: string[] = [];
  readonly #client: ResourceClient;
  readonly #options: GetOptions;

  constructor(client: ResourceClient, options: GetOptions) {
    this.#client = client;
    this.#options = options;
  }

  async named(kind: ReadableKind, names: readonly string[]): Promise<Found> {
    if (!isResourceKind(kind)) return this.#namedOfIpam(kind, names);
    const resources: AnyResource[] = [];
    for (const name of names) {
      const resource = await this.#existing(keyNamed(kind, name, { namespace: this.#namespace }));
      if (resource) resources.push(resource);
    }
    return { kind, resources };
  }

  /** By kind, each kind where it comes up first. */
  async keyed(keys: readonly Key<ResourceKind>[]): Promise<readonly Found[]> {
    const found = new Map<ResourceKind, AnyResource[]>();
    for (const key of keys) {
      const resource = await this.#existing(key);
      if (resource) found.set(key.kind, [...(found.get(key.kind) ?? []), resource]);
    }
    return [...found].map(([kind, resources]) => ({ kind, resources }));
  }

  async #existing(key: Key<ResourceKind>): Promise<AnyResource | null> {
    const resource = await this.#client.get(key);
    if (!resource) this.problems.push(`${formatResourceKey(key)} does not exist`);
    return resource;
  }

  /** They have no names of their own; those shown are made of what they are about. */
  async #namedOfIpam(kind: IpamKind, names: readonly string[]): Promise<Found> {
    const listed = (await this.#list(kind)).resources;
    const resources = names.flatMap((name): readonly AnyResource[] => {
      const meant = listed.filter(({ metadata }) => metadata.name === name);
      if (meant.length === 0) this.problems.push(`${kind} ${name} does not exist`);
      return meant;
    });
    return { kind, resources };
  }

  async listed(asked: readonly ReadableKind[]): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const kind of asked) {
      const { resources, resourceVersion, problems } = await this.#list(kind);
      this.problems.push(...problems);
      found.push({ kind, resources, resourceVersion });
    }
    return found;
  }

  #list(kind: ReadableKind): Promise<ResourceList<AnyResource>> {
    if (!isResourceKind(kind)) return this.#client.listIpam(kind);
    const isScoped = kinds[kind].namespaced && !this.#options.allNamespaces;
    return this.#client.list(kind, isScoped ? { namespace: this.#namespace } : {});
  }

  get #namespace(): string {
    return this.#options.namespace ?? namespaceDefault;
  }
}

/** `null` where a kind is given and no file. */
async function keysOfManifests(
  kindWords: string | undefined,
  { filename = [], namespace = namespaceDefault, ...rest }: GetOptions,
  ports: Ports,
): Promise<readonly Key<ResourceKind>[] | null> {
  if (filename.length === 0 && kindWords === undefined) throw usage("say what to show: a kind, or files with -f");
  if (filename.length === 0) return null;
  if (kindWords !== undefined) throw usage("give either a kind, or files with -f");
  if (rest.allNamespaces) throw usage("documents have one namespace each: leave out -A");
  const resources = await readResources({ ...rest, filename, namespace }, ports);
  return resources.map(({ resource }) => keyOf(resource));
}

export function keyNamed(
  kind: ResourceKind,
  name: string,
  { namespace }: { readonly namespace: string },
): Key<ResourceKind> {
  return { kind, name, ...(kinds[kind].namespaced && { namespace }) };
}

/** `nodes`, `nodes,pools`, `all`. */
function kindsNamed(words: string): readonly ReadableKind[] {
  if (words === "all") return resourceKinds;
  return [...new Set(words.split(",").map(readableKindNamed))];
}

/** Without what belongs to the objects of this cluster, and would keep the document from being applied to another. */
function forAnyCluster({ kind, resources }: Found): Found {
  const own = resources.filter(({ metadata }) => kind !== "Profile" || metadata.name !== builtInProfile);
  const exported = own.map((resource): AnyResource => ({ ...resource, metadata: withoutIdentity(resource.metadata) }));
  return { kind, resources: exported };
}

/** Every datastore has it, and takes no other in its place. */
const builtInProfile = defaultAllowProfile.metadata.name;

async function contextOf(
  client: ResourceClient,
  shown: readonly Found[],
  { output }: GetOptions,
): Promise<ColumnContext> {
  const needed = output === "wide" && shown.some(({ kind }) => kind === "Node");
  const cluster = needed ? await client.get({ kind: "BGPConfiguration", name: "default" }) : null;
  return { clusterAsNumber: nodeAsNumber(undefined, cluster) };
}
