/** A field; undefined is left empty. */
export type CsvField = string | number | undefined;

/** A record as RFC 4180 has it: fields with a comma, a quote or a line break are quoted, quotes in them doubled; CR LF at the end. */
export function csvRecord(fields: readonly CsvField[]): string {
  return `${fields.map(field).join(',')}\r\n`;
}

function field(value: CsvField): string {
  const text = value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
