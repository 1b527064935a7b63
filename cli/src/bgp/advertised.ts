/** `bgp advertised`: what a peer is told, or would be. */
import type { AdvertisedRoute } from "@brindle/bgp";
import { expectNode } from "../agent.ts";
import type { ExitCode } from "../command.ts";
import type { OutputForm } from "../output/form.ts";
import { formatStructure } from "../output/structure.ts";
import { formatTable, type TableColumn } from "../output/table.ts";
import type { Ports } from "../ports.ts";
import { expectPeers } from "./expectPeers.ts";

export interface AdvertisedOptions {
  readonly output: OutputForm;
  readonly node?: string;
  readonly filename?: string;
  readonly limit: number;
}

export async function showAdvertised(name: string, options: AdvertisedOptions, ports: Ports): Promise<ExitCode> {
  const { output, node, filename, limit } = options;
  await expectNode(node, ports);
  const [peer] = await expectPeers([name], ports);
  const routes = (await ask(name, { filename, limit }, ports)) as readonly AdvertisedRoute[]; // What is promised.
  if (output === "yaml" || output === "json") ports.print(formatStructure(routes, output));
  else if (routes.length === 0) ports.print(filename === undefined ? "nothing" : "nothing would change for the peer");
  else ports.print(formatTable(filename === undefined ? columns : [changeColumn, ...columns], routes));
  if (peer && peer.state !== "established") {
    const ofConnection = "routes whose next hop is our end of the connection are not among them";
    ports.warn(`${name} is not Established: it is told nothing, and would be told this; ${ofConnection}`);
  }
  if (routes.length === limit) ports.warn(`these are the first ${limit} routes: ask for more with --limit`);
  return 0;
}

async function ask(
  name: string,
  { filename, limit }: { readonly filename: string | undefined; readonly limit: number },
  ports: Ports,
): Promise<unknown> {
  if (filename === undefined) return ports.callAgent("bgp.advertised", { name, limit });
  const [file] = await ports.readManifests([filename], { recursive: false });
  return ports.callAgent("bgp.rehearse", {
    name,
    limit,
    text: file?.text ?? "",
    file: file?.path ?? file?.name ?? filename,
  });
}

const changeColumn: TableColumn<AdvertisedRoute> = { header: "CHANGE", cell: ({ change }) => change ?? "-" };

const columns: readonly TableColumn<AdvertisedRoute>[] = [
  { header: "PREFIX", cell: ({ prefix }) => prefix },
  { header: "NEXT HOP", cell: ({ nextHop }) => nextHop ?? "-" },
  { header: "AS PATH", cell: ({ asPath }) => asPath || "-" },
  { header: "LOCAL PREF", cell: ({ localPref }) => String(localPref ?? "-") },
  { header: "MED", cell: ({ med }) => String(med ?? "-") },
  {
    header: "COMMUNITIES",
    cell: ({ communities, largeCommunities }) => [...communities, ...largeCommunities].join(" ") || "-",
  },
  {
    header: "BY",
    cell: ({ acceptedBy }) => (acceptedBy ? `filter ${acceptedBy.filter}, rule ${acceptedBy.place}` : "policy"),
  },
];
