/** `ipam show`: how full pools and blocks are, and who has an address. From the datastore. */
import {
  type IPAMConfig,
  type Kind,
  type Store,
  type Stored,
  type WorkloadEndpoint,
  whyNotActedOn,
} from "@brindle/api";
import {
  type AddressUse,
  type BlockSummary,
  type BorrowedAddress,
  type Holder,
  type IpamSummary,
  ownerInWords,
  percentOf,
  reservedPrefixes,
  summarise,
  type Usage,
  whoHolds,
} from "@brindle/ipam";
import { type Address, formatAddress, parseAddress, parseCidr, sameAddress } from "@brindle/net";
import type { ExitCode } from "../command.ts";
import { usage } from "../error.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import type { Ports } from "../ports.ts";
import { readConfig } from "./configure.ts";

export interface ShowOptions {
  readonly ip?: string;
  readonly showBlocks?: boolean;
  readonly showBorrowed?: boolean;
  readonly showConfiguration?: boolean;
}

export async function showIpam(options: ShowOptions, ports: Ports): Promise<ExitCode> {
  const address = options.ip === undefined ? null : parseAddress(options.ip);
  if (options.ip !== undefined && !address) throw usage(`--ip ${options.ip} is no IP address`);
  const store = await ports.store();
  if (options.showConfiguration) {
    ports.print(formatTable(settingColumns, settingsOf((await readConfig(store)).value)));
    return 0;
  }
  const blocks = await valuesOf(store, "IPAMBlock", ports);
  if (address) {
    const endpoints = await valuesOf(store, "WorkloadEndpoint", ports);
    const use = formatUse(
      formatAddress(address),
      whoHolds(blocks.values, address),
      podsWith(address, endpoints.values),
    );
    ports.print([use, ...formatFloating(address, endpoints.values)].join("\n"));
    return blocks.isWhole && endpoints.isWhole ? 0 : 1;
  }
  const pools = await valuesOf(store, "IPPool", ports);
  for (const pool of pools.values) {
    const reason = whyNotActedOn(pool);
    if (reason !== null) ports.warn(`no pod gets an address of the IPPool ${pool.metadata.name}: ${reason}`);
  }
  const reservations = await valuesOf(store, "IPReservation", ports);
  const summary = summarise(pools.values, blocks.values, reservedPrefixes(reservations.values));
  ports.print(formatSummary(summary, options));
  return blocks.isWhole && pools.isWhole && reservations.isWhole ? 0 : 1;
}

export function formatSummary(summary: IpamSummary, { showBlocks, showBorrowed }: ShowOptions): string {
  if (showBorrowed) return formatBorrowed(summary.borrowed);
  const rows: Row[] = summary.pools.flatMap((pool) => [
    { grouping: "IP Pool", usage: pool, node: "" },
    ...(showBlocks ? pool.blocks.map(blockRow) : []),
  ]);
  // Also without --show-blocks: nobody would look for addresses that are in no pool.
  const strays = summary.strays.map((block) => ({ ...blockRow(block), grouping: "Block in no pool" }));
  const blocks = [...summary.pools.flatMap((pool) => pool.blocks), ...summary.strays];
  return [
    formatTable(showBlocks ? [...usageColumns, nodeColumn] : usageColumns, [...rows, ...strays]),
    ...blocks.flatMap(({ cidr, problems }) => problems.map((problem) => `block ${cidr} is unsound: ${problem}`)),
  ].join("\n");
}

/** `pods` have it as their own, whether a block gave it or not. */
export function formatUse(address: string, use: AddressUse, pods: readonly string[] = []): string {
  const having = pods.length > 0 ? `${pods.join(" and ")} ${pods.length > 1 ? "have" : "has"} it all the same` : null;
  if (use.kind === "noBlock") return `${address} is in no block: ${having ?? "nobody has it"}`;
  const where = `block ${use.block} of ${use.blockNode ?? "no node"}`;
  if (use.kind === "resting") {
    const whose = having ?? "it was given back, and rests until it may be given again";
    return `${address} is in use by nobody, in ${where}: ${whose} (since ${use.since})`;
  }
  if (use.kind === "free") return `${address} is free, in ${where}${having === null ? "" : `: ${having}`}`;
  const { handleId, attributes } = use.holder;
  const details = { handle: handleId ?? "(none)", ...attributes };
  return [
    `${address} is in use by ${holderName(use.holder)}, in ${where}`,
    ...Object.entries(details).map(([name, value]) => `  ${name}: ${value}`),
  ].join("\n");
}

function podsWith(address: Address, endpoints: readonly WorkloadEndpoint[]): string[] {
  return endpoints.flatMap(({ metadata, spec }) => {
    const has = (spec.ipNetworks ?? []).some((text) => {
      const own = parseCidr(text)?.address;
      return own !== undefined && sameAddress(own, address);
    });
    const pod = `${metadata.namespace ?? ""}/${spec.pod ?? spec.workload ?? metadata.name}`;
    return has ? [`the pod ${pod} on ${spec.node}`] : [];
  });
}

/** A floating address is allocated to nobody. Of several that claim it the first by name has it. */
export function formatFloating(address: Address, endpoints: readonly WorkloadEndpoint[]): string[] {
  const text = formatAddress(address);
  const claiming = endpoints.flatMap(({ metadata, spec }) => {
    const nats = (spec.ipNATs ?? []).filter(({ externalIP }) => {
      const floating = parseAddress(externalIP);
      return floating !== null && sameAddress(floating, address);
    });
    const pod = `${metadata.namespace ?? ""}/${spec.pod ?? spec.workload ?? metadata.name}`;
    return nats.map(({ internalIP }) => ({
      name: `${metadata.namespace ?? ""}/${metadata.name}`,
      pod,
      internalIP,
      node: spec.node,
    }));
  });
  const ordered = claiming.sort((a, b) => (a.name < b.name ? -1 : 1));
  return ordered.map(
    ({ pod, internalIP, node }) => `${text} is asked for as floating by the pod ${pod} (${internalIP}) on ${node}`,
  );
}

/** As `ipam configure` names them. */
function settingsOf(config: IPAMConfig): readonly (readonly [name: string, value: string])[] {
  return [
    ["StrictAffinity", String(config.strict_affinity ?? false)],
    ["AutoAllocateBlocks", String(config.auto_allocate_blocks ?? false)],
    ["MaxBlocksPerHost", String(config.maxBlocksPerHost ?? 0)],
    ["IPCooldownSeconds", String(config.ipCooldownSeconds ?? 0)],
  ];
}

const settingColumns: readonly TableColumn<readonly [name: string, value: string]>[] = [
  { header: "PROPERTY", cell: ([name]) => name },
  { header: "VALUE", cell: ([, value]) => value },
];

interface Row {
  readonly grouping: string;
  readonly usage: Usage;
  readonly node: string;
}

function blockRow(block: BlockSummary): Row {
  return { grouping: "Block", usage: block, node: block.node ?? "(none)" };
}

const usageColumns: readonly TableColumn<Row>[] = [
  { header: "GROUPING", cell: ({ grouping }) => grouping },
  { header: "CIDR", cell: ({ usage }) => usage.cidr },
  { header: "IPS TOTAL", cell: ({ usage }) => String(usage.addresses) },
  { header: "IPS IN USE", cell: ({ usage }) => withPercent(usage.inUse, usage) },
  { header: "IPS RESERVED", cell: ({ usage }) => withPercent(usage.reserved, usage) },
  { header: "IPS FREE", cell: ({ usage }) => withPercent(usage.free, usage) },
];
const nodeColumn: TableColumn<Row> = { header: "NODE", cell: ({ node }) => node };

function withPercent(part: bigint, { addresses }: Usage): string {
  return `${part} (${percentOf(part, addresses)}%)`;
}

function formatBorrowed(borrowed: readonly BorrowedAddress[]): string {
  if (borrowed.length === 0) return "no address is borrowed from another node's block";
  return formatTable(
    [
      { header: "IP", cell: ({ address }) => formatAddress(address) },
      { header: "BORROWING NODE", cell: ({ node }) => node },
      { header: "BLOCK", cell: ({ block }) => block },
      { header: "BLOCK OWNER", cell: ({ blockNode }) => blockNode ?? "(none)" },
      { header: "ALLOCATED TO", cell: ({ holder }) => holderName(holder) },
    ],
    borrowed,
  );
}

/** The pod or Service where it is one's, else what sort of thing (a tunnel's address), else the handle. */
function holderName({ attributes, handleId }: Holder): string {
  return ownerInWords(attributes) ?? attributes.type ?? handleId ?? "somebody without a name";
}

async function valuesOf<K extends Kind>(
  store: Store,
  kind: K,
  ports: Ports,
): Promise<{ readonly values: readonly Stored[K][]; readonly isWhole: boolean }> {
  const { items, undecodable } = await store.list(kind);
  for (const { key, reason } of undecodable) ports.warn(`${key.kind} ${key.name} cannot be read: ${reason}`);
  return { values: items.map(({ value }) => value), isWhole: undecodable.length === 0 };
}
