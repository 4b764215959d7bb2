/** What running a solution of the front told. */
export interface Verdict {
  readonly met: boolean;
  /** Its error, in the unit of the front's. */
  readonly error: number;
}

/** The part of a front that bounds of the error are searched on. */
export interface ErrorFront {
  readonly length: number;
  errorAt(index: number): number;
  withinError(most: number): number | undefined;
}

/**
 * The cheapest solution that meets a limit when it is run, as far as `most` runs tell. Errors fall along the front, so what
 * meets the limit lies behind what does not: each run halves what is left, or better, as the runs tell how far the predicted
 * errors are off.
 * @param limit in the unit of the front's errors; undefined: it has another one, and only runs tell.
 * @param verify runs a solution.
 * @returns its index; undefined when none met the limit.
 */
export async function cheapestMeeting(
  front: ErrorFront,
  limit: number | undefined,
  verify: (index: number) => Promise<Verdict>,
  most: number,
): Promise<number | undefined> {
  let failing = -1;
  let meeting = front.length;
  let guess = (limit === undefined ? undefined : front.withinError(limit)) ?? middle(front, failing, meeting);
  for (let run = 0; run < most && meeting - failing > 1; run++) {
    const index = Math.min(meeting - 1, Math.max(failing + 1, guess));
    const { met, error } = await verify(index);
    if (met) meeting = index;
    else failing = index;
    const ratio = error / front.errorAt(index);
    const next = limit !== undefined && ratio > 0 ? front.withinError(limit / ratio) : undefined;
    const isBetween = next !== undefined && next > failing && next < meeting;
    guess = isBetween ? next : middle(front, failing, meeting);
  }
  return meeting < front.length ? meeting : undefined;
}

/** Between two solutions, in the logarithm of the error. */
function middle(front: ErrorFront, failing: number, meeting: number): number {
  const [first, last] = [failing + 1, meeting - 1];
  const high = front.errorAt(first);
  let low = front.errorAt(last);
  // No error at all: the step before it says how far down the front goes.
  if (low === 0) low = front.errorAt(Math.max(first, last - 1));
  const found = high > 0 && low > 0 ? front.withinError(Math.sqrt(high * low)) : undefined;
  const isInside = found !== undefined && found > first && found < last;
  return isInside ? found : Math.floor((first + last) / 2);
}
