/** A program for the test of what a cluster leaves: tells when its nodes have booted, and waits to be killed. */
import { startCluster } from "../fixtures/kubeadm/startCluster.ts";

await startCluster({ id: process.argv[2] ?? "victim", nodes: 1, say: (line) => console.log(line) });
