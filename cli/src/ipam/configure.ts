/** `ipam configure`: how nodes get blocks, as what all agents and Calico's read. */
import {
  type IPAMConfig,
  type Item,
  ipamConfigName,
  ipamConfigOf,
  ipamConfigurationName,
  ipamConfigurationOf,
  type Store,
  type Write,
} from "@brindle/api";
import type { ExitCode } from "../command.ts";
import { failed, usage } from "../error.ts";
import type { Ports } from "../ports.ts";

export interface ConfigureOptions {
  readonly strictaffinity?: boolean;
  readonly maxBlocksPerHost?: number;
  readonly ipCooldownSeconds?: number;
}

const attemptsMax = 5;
/** What holds where nothing was ever written. */
const unwritten: IPAMConfig = { auto_allocate_blocks: true };

export async function configureIpam(options: ConfigureOptions, ports: Ports): Promise<ExitCode> {
  const wanted = wantedOf(options);
  if (wanted.length === 0)
    throw usage("nothing to set: give --strictaffinity, --max-blocks-per-host or --ip-cooldown-seconds");
  const store = await ports.store();
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const present = await readConfig(store);
    const value = Object.assign({}, present.value, ...wanted.map(({ change }) => change)) as IPAMConfig;
    const objection = objectionTo(value);
    if (objection !== null) throw failed(objection);
    if ((await store.commit(writesOf(value, present, store))).kind === "conflict") continue;
    for (const { name, text } of wanted) ports.print(`Successfully set ${name} to: ${text}`);
    return 0;
  }
  throw failed("the configuration is being changed by others; try again");
}

function wantedOf({ strictaffinity, maxBlocksPerHost, ipCooldownSeconds }: ConfigureOptions) {
  const set = (name: string, value: unknown, change: IPAMConfig) =>
    value === undefined ? [] : [{ name, text: String(value), change }];
  return [
    ...set("StrictAffinity", strictaffinity, { strict_affinity: strictaffinity ?? false }),
    ...set("MaxBlocksPerHost", maxBlocksPerHost, { maxBlocksPerHost: maxBlocksPerHost ?? 0 }),
    ...set("IPCooldownSeconds", ipCooldownSeconds, { ipCooldownSeconds: ipCooldownSeconds ?? 0 }),
  ];
}

interface Present {
  readonly value: IPAMConfig;
  readonly config: Item<"IPAMConfig"> | null;
  readonly configuration: Item<"IPAMConfiguration"> | null;
}

/** As `ipamSettings` of address management reads it: Calico's key first, else the resource. */
export async function readConfig(store: Store): Promise<Present> {
  const config = await store.get({ kind: "IPAMConfig", name: ipamConfigName });
  const configuration = await store.get({ kind: "IPAMConfiguration", name: ipamConfigurationName });
  const value = config?.value ?? (configuration ? ipamConfigOf(configuration.value.spec) : unwritten);
  return { value, config, configuration };
}

/** Calico refuses to give any address where these contradict each other. */
function objectionTo({ strict_affinity, auto_allocate_blocks, maxBlocksPerHost }: IPAMConfig): string | null {
  if (strict_affinity) return null;
  if (maxBlocksPerHost)
    return "a limit of blocks needs --strictaffinity=true: a node with enough blocks would go on with others'. --max-blocks-per-host=0 is no limit";
  return auto_allocate_blocks ? null : "without strict affinity nodes have to take blocks by themselves";
}

/** On etcd the resource is beside it, and is to say the same; on Kubernetes the two are one. */
function writesOf(value: IPAMConfig, { config, configuration }: Present, { transactions }: Store): Write[] {
  const key = { kind: "IPAMConfig", name: ipamConfigName } as const;
  const write: Write = config ? { op: "update", key, value, revision: config.revision } : { op: "create", key, value };
  if (transactions === "single" || !configuration) return [write];
  const spec = { ...configuration.value.spec, ...ipamConfigurationOf(value) };
  const { key: other, revision } = configuration;
  return [write, { op: "update", key: other, value: { ...configuration.value, spec }, revision }];
}
