/** Powers of ten, with 2 and 5 between them where the domain is short, thinned where it is long. Pure. */
export function logTicks([low, high]: readonly [number, number]): number[] {
  const decades = Math.log10(high / low);
  const steps = decades > 3 ? [1] : [1, 2, 5];
  const stride = Math.max(1, Math.ceil(decades / MAX_POWERS));
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    if (power % stride !== 0) continue;
    for (const step of steps) {
      // 10 ** -3 is exact only when parsed.
      const tick = Number(`${step}e${power}`);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

const MAX_POWERS = 7;
