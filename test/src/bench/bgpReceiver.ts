/** A program for the BGP row: our speaker in a namespace, which says when it holds so many routes. `ADDRESS PEER COUNT` */
import { startSpeakerThread } from "@brindle/bgp/shell";

const [localAddress = "", address = "", count = ""] = process.argv.slice(2);
let held = 0;
await startSpeakerThread(
  {
    asn: 64512,
    bgpId: localAddress,
    listen: [],
    peers: [
      {
        name: "feeder",
        role: "peer",
        address,
        port: 179,
        asn: 65001,
        localAddress,
        passive: false,
        holdSeconds: 90,
        connectRetrySeconds: 1,
        families: [4],
        nextHop: { 4: localAddress },
        importPolicy: { accept: "all" },
        exportPolicy: { accept: [] },
      },
    ],
  },
  {
    peerChanged(peer) {
      if (peer.phase === "established") console.log("established");
    },
    bestChanged(changes) {
      held += changes.length;
      if (held >= Number(count)) console.log("complete");
    },
  },
);
