/**
 * Every bound on what an untrusted file may ask for, with its reason. All are far above real models; a file that
 * passes one is refused with an error that names the bound.
 */

/** Protobuf's own limit: lengths are signed 32-bit in every official implementation, so no reader takes more. */
export const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

/** Bounds on the graph, payloads apart. Tests lower them. */
export interface GraphLimits {
  readonly depth: number;
  readonly messages: number;
  readonly nodes: number;
  readonly graphBytes: number;
  readonly listElements: number;
}

export const GRAPH_LIMITS: GraphLimits = {
  /** Official protobuf readers stop at 100 nested messages; deeper files could not be opened elsewhere. */
  depth: 100,
  /**
   * Nodes, attributes, tensors, types, entries. Measured: a node with all its parts takes 14 (names only) to 26 (shapes
   * and exporter metadata), so this admits 58,000 to 107,000 nodes; large language and diffusion models have 15,000.
   * Each message costs up to 550 bytes of memory and 2 µs.
   */
  messages: 1_500_000,
  /** A node costs another 1.2 kB and 12 µs once it is indexed and shown, however little it holds. */
  nodes: 150_000,
  /**
   * Names, attributes, documentation. Large exports with stack traces in their metadata reach 200 MB; decoded text
   * takes about as much memory again.
   */
  graphBytes: 512 * 1024 * 1024,
  /**
   * Elements of attribute lists (`ints`, `floats`, `strings`), dimensions, names of inputs, decoded at up to 40 bytes
   * each; strings count as `LIST_ITEM_COST`. Large tree ensembles hold about ten million.
   */
  listElements: 16 * 1024 * 1024,
};

/** What a string costs in memory, in elements of a list of numbers. */
export const LIST_ITEM_COST = 4;

/** Payloads up to this size stay in memory with the graph, so that shapes, scales and axes are read synchronously. */
export const INLINE_PAYLOAD_BYTES = 1024;

/** One tensor decoded at once. As float32 this is 4 GiB, the most that a caller can sensibly hold. */
export const MAX_DECODED_ELEMENTS = 2 ** 30;

/** Bytes of a location in external data: the longest path that Linux accepts. */
export const MAX_LOCATION_BYTES = 4096;
