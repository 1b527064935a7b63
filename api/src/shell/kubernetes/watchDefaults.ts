/** How collections are followed unless a caller has reasons. */

/** Some seven minutes, after which the server would end a stream by itself. */
export const streamSecondsDefault = 420;
/** Larger pages only cost memory. */
export const pageSizeDefault = 200;
export const relistIntervalMsDefault = 300_000;
