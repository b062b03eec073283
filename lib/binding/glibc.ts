/** What is used of Node's report; its type declarations lag behind. */
interface ProcessReport {
  excludeNetwork: boolean;
  getReport(): { readonly header: { readonly glibcVersionRuntime?: string } };
}

/** Version of the C library; undefined on musl and on systems other than Linux. */
export function glibcVersion(): string | undefined {
  const report = process.report as unknown as ProcessReport;
  // Without this the report looks up the names of all network peers, which can take seconds.
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  try {
    return report.getReport().header.glibcVersionRuntime;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}
