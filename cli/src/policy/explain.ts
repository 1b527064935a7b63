/** `policy explain`: what policy says of a connection, and which rule decides. */
import { explain } from "@brindle/policy";
import type { ExitCode } from "../command.ts";
import type { Ports } from "../ports.ts";
import { type ClusterOptions, readClusterAloud } from "./cluster.ts";
import { askedNamed, endNamed, packetsToAll, parseService } from "./ends.ts";

export interface ExplainOptions extends ClusterOptions {
  readonly from: string;
  readonly to: string;
  readonly port: string;
}

export async function explainPolicy(options: ExplainOptions, ports: Ports): Promise<ExitCode> {
  const service = parseService(options.port);
  const read = await readClusterAloud(options, ports);
  const { cluster, problems } = read;
  const from = endNamed(options.from, cluster, options);
  const packets = packetsToAll(from, askedNamed(options.to, service, read, options));
  const explained = packets.map(({ packet, via }) => {
    const { lines } = explain(cluster, packet);
    return [...(via === undefined ? [] : [`${via}:`]), ...lines].join("\n");
  });
  ports.print(explained.join("\n\n"));
  return problems.length > 0 ? 1 : 0;
}
