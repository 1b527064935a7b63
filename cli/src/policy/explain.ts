/** `policy explain`: what policy says of a connection, and which rule decides. */
import { explain } from "@brindle/policy";
import type { ExitCode } from "../command.ts";
import type { Ports } from "../ports.ts";
import { type ClusterOptions, readClusterAloud } from "./cluster.ts";
import { endNamed, packetsBetween, parseService } from "./ends.ts";

export interface ExplainOptions extends ClusterOptions {
  readonly from: string;
  readonly to: string;
  readonly port: string;
}

export async function explainPolicy(options: ExplainOptions, ports: Ports): Promise<ExitCode> {
  const service = parseService(options.port);
  const { cluster, problems } = await readClusterAloud(options, ports);
  const packets = packetsBetween(
    endNamed(options.from, cluster, options),
    endNamed(options.to, cluster, options),
    service,
  );
  ports.print(packets.map((packet) => explain(cluster, packet).lines.join("\n")).join("\n\n"));
  return problems.length > 0 ? 1 : 0;
}
