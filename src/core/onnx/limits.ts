/**
 * Every bound on what an untrusted file may ask for, with its reason. All are far above real models; a file that
 * passes one is refused with an error that names the bound.
 */

/** Protobuf's own limit: lengths are signed 32-bit in every official implementation, so no reader takes more. */
export const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

/** Official protobuf readers stop at 100 nested messages; deeper files could not be opened elsewhere. */
export const MAX_DEPTH = 100;

/** Messages (nodes, attributes, tensors, entries...). A node takes about five; real graphs stay under a million. */
export const MAX_MESSAGES = 6_000_000;

/**
 * Bytes of the graph without payloads: names, attributes, documentation. Large exports with stack traces in their
 * metadata reach 200 MB; decoded text takes about as much memory again.
 */
export const MAX_GRAPH_BYTES = 512 * 1024 * 1024;

/**
 * Elements of lists outside payloads (attribute `ints`, `floats`, `strings`, dimensions, names), decoded at up to 40
 * bytes each, strings at more: those count as `LIST_ITEM_COST`. Large tree ensembles hold about ten million.
 */
export const MAX_LIST_ELEMENTS = 16 * 1024 * 1024;
export const LIST_ITEM_COST = 4;

/** Payloads up to this size stay in memory with the graph, so that shapes, scales and axes are read synchronously. */
export const INLINE_PAYLOAD_BYTES = 1024;

/** One tensor decoded at once. As float32 this is 4 GiB, the most that a caller can sensibly hold. */
export const MAX_DECODED_ELEMENTS = 2 ** 30;

/** Bytes of a location in external data: the longest path that Linux accepts. */
export const MAX_LOCATION_BYTES = 4096;
