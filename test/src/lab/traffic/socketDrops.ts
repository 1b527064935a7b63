/**
 * How many packets the kernel has dropped since the socket at this port was full, of what /proc/net/udp or udp6 says
 * (proc(5): the local address first, its port in hexadecimal; the drops last).
 */
export function socketDrops(table: string, port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
  const own = rows.filter(([, local]) => local?.endsWith(suffix));
  return own.reduce((sum, row) => sum + Number(row.at(-1)), 0);
}
