/** What runs in a pod of the lab: greets whoever connects with the pod's name, on both families. `node podServer.ts NAME` */
import { createServer } from "node:net";

const name = process.argv[2] ?? "a pod";
createServer((socket) => {
  socket.on("error", () => {});
  socket.end(`hello from ${name}\n`);
}).listen(8080, "::", () => console.log("listening"));
