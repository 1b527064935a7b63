import { expect, it } from "vitest";
import { droppedIn } from "./signatureCounter.ts";

it("adds up what /proc/net/netstat says of signatures, and nothing else", () => {
  const netstat = [
    "TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPSackShifted",
    "TcpExt: 7 1 20 300 9",
    "IpExt: InNoRoutes TCPMD5Failure",
    "IpExt: 5 4000",
  ];
  expect(droppedIn(netstat.join("\n"))).toBe(321);
  expect(droppedIn("")).toBe(0);
});
