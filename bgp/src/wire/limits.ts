/** The bounds of BGP-4 messages, in bytes. */

/** Marker, length, type: RFC 4271 §4.1. */
export const headerBytes = 19;
export const messageBytesMax = 4096;
/** RFC 8654 §3, of all messages but OPEN and KEEPALIVE. */
export const extendedMessageBytesMax = 65535;

/** An UPDATE that carries nothing: the header and two lengths of two bytes (RFC 4271 §4.3). */
export const updateBytesMin = 23;

/** RFC 6793 §2: what stands for an AS number that does not fit two octets. */
export const asTrans = 23456;
export const twoOctetAsMax = 65535;
