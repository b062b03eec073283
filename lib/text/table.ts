/** A cell, and whether it is a number, which stands to the right. */
export type Cell = string | { readonly number: string };

const text = (cell: Cell): string => printable(typeof cell === 'string' ? cell : cell.number);

/** Rows as lines, the columns aligned over all rows, two spaces between and before them. */
export function alignRows(rows: readonly (readonly Cell[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, text(cell).length)));
  }
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] as number;
      return typeof cell === 'string' ? text(cell).padEnd(width) : text(cell).padStart(width);
    });
    return `  ${cells.join('  ')}`.trimEnd();
  });
}

/** Names come from models and file systems: none of them may steer the terminal, or end the line that it stands in. */
export function printable(name: string): string {
  return name.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}
