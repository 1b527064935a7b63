import { execFileSync } from "node:child_process";
import { formatPrefix, type KernelChange, parseCidr } from "@brindle/net";
import { NetlinkSocket, openNamespace, openNetlinkPort, openRouteSocket, RouteSocket } from "@brindle/net/shell";
import { expect, it } from "vitest";
import { createNamespace } from "../fixtures/namespace.ts";

/** NLM_F_DUMP_INTR, in the first message's flags, which are at offset 6. */
function isInterrupted(datagram: Uint8Array): boolean {
  return ((datagram[6] ?? 0) & 0x10) !== 0;
}

it("reads a list again that changed while the kernel told it", async () => {
  await using node = await createNamespace("dump");
  using plain = await openRouteSocket({ namespace: node.path });
  await plain.createLink({ kind: "bridge", name: "br0" });
  const interfaceIndex = (await plain.link("br0"))?.index ?? 0;
  const addresses = Array.from({ length: 4_000 }, (_, i) => parseCidr(`10.1.${i >> 8}.${i & 255}/32`));
  const changes = addresses.flatMap((address): KernelChange[] => {
    return address ? [{ op: "addAddress", address: { interfaceIndex, address } }] : [];
  });
  expect((await plain.apply(changes)).filter((outcome) => outcome.kind === "failed")).toEqual([]);

  const port = openNetlinkPort({ protocol: 0, namespace: node.path });
  let datagrams = 0;
  let interrupted = 0;
  const watched = {
    ...port,
    onDatagram: (listener: (datagram: Uint8Array) => void): void =>
      port.onDatagram((datagram) => {
        // Four thousand addresses are many datagrams, and the kernel makes each one when it is asked for it.
        if (datagrams === 0) execFileSync("ip", ["-n", node.name, "address", "add", "10.2.0.1/32", "dev", "br0"]);
        datagrams += 1;
        if (isInterrupted(datagram)) interrupted += 1;
        listener(datagram);
      }),
  };
  using socket = new RouteSocket(new NetlinkSocket(watched), openNamespace(node.path));
  const told = await socket.addresses({ family: 4, interfaceIndex });
  expect(interrupted).toBeGreaterThan(0);
  const texts = new Set(told.map((one) => formatPrefix(one.address)));
  expect([told.length, texts.size, texts.has("10.2.0.1/32")]).toEqual([4_001, 4_001, true]);
});
