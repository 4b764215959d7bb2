/** Collects what the user should know, one sentence per reason with the nodes it is about. */
export class Notes {
  private readonly reasons = new Map<string, string[]>();

  add(name: string, reason: string): void {
    const names = this.reasons.get(reason);
    if (!names) this.reasons.set(reason, [name]);
    else if (!names.includes(name)) names.push(name);
  }

  /** `a: Reason.` or `a, b, c and 4 more: Reason.` */
  sentences(): string[] {
    return Array.from(this.reasons, ([reason, names]) => `${listed(names)}: ${reason}`);
  }
}

/** `a, b, c and 4 more`. */
export function listed(names: readonly string[]): string {
  const shown = names.length > 4 ? names.slice(0, 3) : names;
  const rest = names.length - shown.length;
  return shown.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
