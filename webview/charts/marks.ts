/** The shapes of the chart of plans, around the origin; its legend draws the same. Pure. */
import { symbol, symbolDiamond, symbolStar } from 'd3-shape';

export const STAR = symbol(symbolStar, 110)() ?? '';
export const DIAMOND = symbol(symbolDiamond, 52)() ?? '';
/** Stands above what it points at. */
export const POINTER = 'M-5 -20h10l-5 8z';
/** Half the side of the frame around the applied plan. */
export const FRAME_HALF = 8;
