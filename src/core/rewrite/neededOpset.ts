/** Operator sets and IR versions that formats of weights need. */

/** UINT4 and INT4 in the standard operators. */
export const FOUR_BIT_OPSET = 21;
/** DequantizeLinear has blocks. */
export const BLOCK_OPSET = 21;
/** IR version that has UINT4 and INT4. */
export const FOUR_BIT_IR_VERSION = 10;
/** Entries that an index of 4 bits can name. */
export const FOUR_BIT_ENTRIES = 16;
