/** What kernel, datastore and disk say of a node's pods, read by other programs than ours, and how that agrees. */
import { field, list, text } from "../fixtures/json.ts";
import { type CrashNode, network, type Sandbox } from "./crashNode.ts";

export interface Picture {
  /** By the interface of the node: whom its mark names. */
  readonly interfaces: ReadonlyMap<string, string>;
  /** By address: the interface. */
  readonly routes: ReadonlyMap<string, string>;
  /** In blocks, by address: the handle. An address is in one block alone. */
  readonly held: ReadonlyMap<string, string>;
  readonly handles: ReadonlySet<string>;
  /** The containers of endpoints. */
  readonly endpoints: ReadonlySet<string>;
  /** Deletions that are still to be done. */
  readonly pending: readonly string[];
}

/** A container that runs, and what its ADD answered. */
export interface Running {
  readonly sandbox: Sandbox;
  readonly result: unknown;
}

export interface Verdict {
  /** Addresses that two containers have. */
  readonly duplicates: readonly string[];
  /** What the datastore holds for nobody. */
  readonly leaks: readonly string[];
  /** What the kernel or the disk has for nobody. */
  readonly orphans: readonly string[];
  /** What a container that runs lacks. */
  readonly lacks: readonly string[];
}

export async function readPicture(node: CrashNode): Promise<Picture> {
  const [links, v4, v6, blocks, handles, endpoints, pending] = await Promise.all([
    node.host("-j link show"),
    node.host("-j -4 route show proto 214"),
    node.host("-j -6 route show proto 214"),
    valuesBelow(node, "/calico/ipam/v2/assignment/"),
    keysBelow(node, "/calico/ipam/v2/handle/"),
    valuesBelow(node, "/calico/resources/v3/projectcalico.org/workloadendpoints/"),
    node.run("/bin/sh", ["-c", "ls -A /var/lib/brindle/cni-pending"]),
  ]);
  const routes = [v4, v6].flatMap((printed) => list(JSON.parse(printed || "[]")));
  return {
    interfaces: new Map(
      list(JSON.parse(links))
        .filter((link) => text(field(link, "ifname")).startsWith("cali"))
        .map((link) => [text(field(link, "ifname")), text(field(link, "ifalias")).split(" ")[1] ?? ""]),
    ),
    routes: new Map(
      routes
        .filter((route) => field(route, "dev") !== undefined && text(field(route, "dev")).startsWith("cali"))
        .map((route) => [text(field(route, "dst")), text(field(route, "dev"))]),
    ),
    held: new Map(blocks.flatMap(heldIn)),
    handles: new Set(handles.map((key) => key.slice(key.lastIndexOf("/") + 1))),
    endpoints: new Set(endpoints.map((value) => text(field(value, "spec", "containerID")))),
    pending: pending.split("\n").filter((name) => name !== "" && !name.startsWith(".")),
  };
}

export function judge(picture: Picture, running: readonly Running[]): Verdict {
  const byHandle = new Map(running.map((one) => [`${network}.${one.sandbox.id}`, one]));
  const ids = new Set(running.map(({ sandbox }) => sandbox.id));
  const promised = running.flatMap((one) => addressesOf(one).map((address) => ({ address, one })));
  const owners = Map.groupBy(promised, ({ address }) => address);
  const orphanRoutes = [...picture.routes].filter(([address]) => !owners.has(address));
  return {
    duplicates: [...owners].filter(([, all]) => all.length > 1).map(([address]) => address),
    leaks: [
      ...[...picture.held]
        .filter(([, handle]) => !byHandle.has(handle))
        .map(([address, handle]) => `${address} of ${handle}`),
      ...[...picture.handles].filter((handle) => !byHandle.has(handle)).map((handle) => `the handle ${handle}`),
      ...[...picture.endpoints].filter((id) => !ids.has(id)).map((id) => `an endpoint of ${id}`),
    ],
    orphans: [
      ...[...picture.interfaces]
        .filter(([, id]) => !ids.has(id))
        .map(([name, id]) => `the interface ${name} of ${id || "nobody"}`),
      ...orphanRoutes.map(([address, dev]) => `a route for ${address} by ${dev}`),
      ...picture.pending.map((name) => `a deletion of ${name}`),
    ],
    lacks: promised.flatMap(({ address, one }) => lacksOf(address, one, picture)),
  };
}

function lacksOf(address: string, { sandbox, result }: Running, picture: Picture): string[] {
  const name = text(field(result, "interfaces", 0, "name"));
  return [
    ...(picture.held.get(address) === `${network}.${sandbox.id}` ? [] : [`${address} is not held by ${sandbox.id}`]),
    ...(picture.routes.get(address) === name ? [] : [`${address} is not routed by ${name}`]),
    ...(picture.interfaces.get(name) === sandbox.id ? [] : [`${name} is not the interface of ${sandbox.id}`]),
    ...(picture.endpoints.has(sandbox.id) ? [] : [`${sandbox.id} has no endpoint`]),
  ];
}

function addressesOf({ result }: Running): string[] {
  return list(field(result, "ips")).map((ip) => text(field(ip, "address")).replace(/\/\d+$/, ""));
}

/** A block says by index who has each address. Addresses are counted up from that of the block. */
function heldIn(block: unknown): [string, string][] {
  const cidr = text(field(block, "cidr"));
  const attributes = list(field(block, "attributes"));
  return list(field(block, "allocations")).flatMap((index, ordinal): [string, string][] =>
    typeof index === "number" ? [[addressAt(cidr, ordinal), text(field(attributes[index], "handle_id"))]] : [],
  );
}

/** Blocks end at a boundary of their own size, 64 or fewer: only the last part counts up. */
function addressAt(cidr: string, ordinal: number): string {
  const base = cidr.split("/")[0] ?? "";
  if (!base.includes(":")) return base.replace(/\d+$/, (last) => String(Number(last) + ordinal));
  if (ordinal === 0) return base;
  return base.endsWith("::")
    ? `${base}${ordinal.toString(16)}`
    : base.replace(/[0-9a-f]+$/, (last) => (Number.parseInt(last, 16) + ordinal).toString(16));
}

async function keysBelow(node: CrashNode, prefix: string): Promise<string[]> {
  const printed = await node.etcdctl("get", "--prefix", "--keys-only", prefix);
  return printed.split("\n").filter((line) => line !== "");
}

/** One value a line: Calico's JSON has no line breaks. */
async function valuesBelow(node: CrashNode, prefix: string): Promise<unknown[]> {
  const printed = await node.etcdctl("get", "--prefix", "--print-value-only", prefix);
  return printed
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
