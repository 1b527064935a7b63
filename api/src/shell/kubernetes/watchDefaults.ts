/** How collections are followed unless a caller has reasons. */

/**
 * Half an hour: taking up a stream costs two requests, of each kind and each node. An API server goes along with what is
 * asked; unasked it ends them after half an hour to an hour (`--min-request-timeout`).
 */
export const streamSecondsDefault = 1_800;
/** Larger pages only cost memory. */
export const pageSizeDefault = 200;
export const relistIntervalMsDefault = 1_200_000;
