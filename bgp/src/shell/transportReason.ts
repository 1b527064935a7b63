/** Why a connection failed, in the words of a person. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by the peer",
  EPIPE: "connection closed by the peer",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ETIMEDOUT: "connection timed out",
  EADDRNOTAVAIL: "the local address is not on this host",
  EACCES: "not permitted",
};

export function transportReason(error: Error): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return reasons[code] ?? error.message;
}
