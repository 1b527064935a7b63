/** `bgp reset` and `bgp refresh`: what an operator does to one session. */
import type { ExitCode } from "../command.ts";
import type { Ports } from "../ports.ts";
import { expectPeers } from "./expectPeers.ts";

export async function resetSession(
  name: string,
  { text }: { readonly text?: string },
  ports: Ports,
): Promise<ExitCode> {
  const [peer] = await expectPeers([name], ports);
  await ports.callAgent("bgp.reset", text === undefined ? { name } : { name, text });
  if (peer?.state === "established") ports.print(`the session with ${name} ends, and may come back`);
  else ports.print(`there is no session with ${name} (${peer?.state}); what was under way begins anew`);
  return 0;
}

export async function refreshSession(name: string, ports: Ports): Promise<ExitCode> {
  await expectPeers([name], ports);
  await ports.callAgent("bgp.refresh", { name });
  ports.print(`${name} is asked to tell all its routes again`);
  return 0;
}
