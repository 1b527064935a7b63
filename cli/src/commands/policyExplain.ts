import type { CommandDefinition } from "../command.ts";
import type { ExplainOptions } from "../policy/explain.ts";
import { filenameOption, namespaceOption, recursiveOption } from "./options.ts";

export const policyExplainCommand: CommandDefinition<readonly [], ExplainOptions> = {
  name: "policy explain",
  summary: "show whether policy allows a connection, and which rule decides",
  details:
    "Says what policy means for the first packet of a connection, at its source and at its destination: the rule that " +
    "decides, and why those before it did not. Reads the datastore, or with -f manifests of policies, profiles and " +
    "workload endpoints, and then needs no cluster. Ends are pods (namespace/name), workload endpoints or addresses; who " +
    "is asked may be a Service, by its name or its address: then each of what is behind it is explained. Manifests may have " +
    "Services and EndpointSlices; where etcd is the datastore, --kubeconfig names the cluster that has them. A pod in the " +
    "network of its node (hostNetwork) is asked about as that node. Protocols are tcp, udp, sctp and udplite with a port, icmp " +
    "and icmpv6 with a type and code or without, and protocol/NUMBER for others.",
  examples: [
    { line: "brindlectl policy explain --from shop/web-0 --to shop/db-0 --port 5432/tcp", does: "between two pods" },
    { line: "brindlectl policy explain --from shop/web-0 --to shop/db --port 5432", does: "to a Service" },
    { line: "brindlectl policy explain --from 203.0.113.7 --to shop/web-0 --port 443", does: "from outside" },
    { line: "brindlectl policy explain --from a --to b --port icmp -f policies/", does: "by manifests alone" },
  ],
  declare(command) {
    command
      .requiredOption("--from <pod|address>", "who opens the connection")
      .requiredOption("--to <pod|service|address>", "who is asked")
      .requiredOption("--port <port/protocol>", "5432/tcp, 53/udp, icmp, icmp/TYPE/CODE, protocol/47; TCP unless told")
      .addOption(filenameOption())
      .addOption(recursiveOption())
      .addOption(namespaceOption());
  },
  async run(_args, options, ports) {
    const { explainPolicy } = await import("../policy/explain.ts");
    return explainPolicy(options, ports);
  },
};
