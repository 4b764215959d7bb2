/** Which files are a report's: the names that `renderReport` gives. */
const names =
  /^(report\.(md|json)|layers\.csv|(layer-error|layer-bytes|sensitivity|(output|difference)(-\d+)?)\.svg)$/;

/** Whether a new report may replace a file of this name without asking. */
export function isReportFile(name: string): boolean {
  return names.test(name);
}
