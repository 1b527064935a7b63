import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { it } from "vitest";
import type { WatchEvent } from "../../store/store.ts";
import { openKubernetesStore } from "./kubernetesStore.ts";

/** Profiles are namespaces and service accounts: of the latter the answer is late. */
it("a kind is in sync only when all resources that hold it have been read", async () => {
  const namespacesAreFollowed = Promise.withResolvers<void>();
  const accounts = Promise.withResolvers<void>();
  const inSync = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://server");
    if (pathname === "/apis") return void response.end('{"groups":[{"name":"projectcalico.org"}]}');
    if (searchParams.has("sendInitialEvents")) return void response.writeHead(400).end("{}");
    if (searchParams.has("watch")) {
      response.stream.respond({ ":status": 200 });
      if (pathname.endsWith("/namespaces")) namespacesAreFollowed.resolve();
      return;
    }
    if (pathname.endsWith("/serviceaccounts")) await accounts.promise;
    response.end('{"metadata":{"resourceVersion":"1"},"items":[]}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const store = openKubernetesStore({ access: { server: `http://127.0.0.1:${port}` } });
  const told: WatchEvent[] = [];
  store.watch(["Profile"], (event) => {
    told.push(event);
    if (event.type === "inSync") inSync.resolve();
  });
  try {
    await namespacesAreFollowed.promise;
    assert.deepEqual(told, []);
    accounts.resolve();
    await inSync.promise;
    assert.deepEqual(told.at(-1), { type: "inSync", kind: "Profile" });
  } finally {
    await store.close();
    server.close();
  }
});
