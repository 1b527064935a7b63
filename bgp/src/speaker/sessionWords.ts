/** What a monitoring station is shown of a session's own messages: both OPENs, and the NOTIFICATION that ended it. */
import { copyOf } from "../wire/copy.ts";
import type { Message } from "../wire/message.ts";
import type { TransportPorts } from "./event.ts";

const nothing: Uint8Array = new Uint8Array(0);

export class SessionWords {
  /** Whole messages; empty before they went. */
  sentOpen: Uint8Array = nothing;
  receivedOpen: Uint8Array = nothing;
  /** The last one, and whose it was. */
  notification: { readonly by: "us" | "peer"; readonly notification: Uint8Array } | null = null;
  ports: TransportPorts = { local: 0, remote: 0 };

  /** By another transport. */
  begin(ports: TransportPorts = { local: 0, remote: 0 }): void {
    this.ports = ports;
    this.notification = null;
  }

  said(type: Message["type"], bytes: Uint8Array): void {
    if (type === "open") this.sentOpen = bytes;
    else if (type === "notification") this.notification = { by: "us", notification: bytes };
  }

  heard(type: Message["type"], bytes: Uint8Array): void {
    if (type === "open") this.receivedOpen = copyOf(bytes);
    else if (type === "notification") this.notification = { by: "peer", notification: copyOf(bytes) };
  }
}
