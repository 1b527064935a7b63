/** RFC 5881 §4, RFC 5883 §5. */
export const bfdPorts = {
  singleHop: 3784,
  multihop: 4784,
  /** Where packets leave from, a port of its own for each session. */
  source: { from: 49152, to: 65535 },
} as const;
