/**
 * What the page can do beyond being read: change its colours, sort tables, show one kind of examples. Without it, all is there; what needs
 * it is hidden until it runs. In the file as it stands here, so it must not contain the end of its element.
 */
export const script = `
'use strict';
const root = document.documentElement;
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
for (const control of all('[data-needs-script]')) control.hidden = false;

const toggle = document.getElementById('theme');
const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (root.dataset.theme ?? (prefersDark.matches ? 'dark' : 'light')) === 'dark';
const tellTheme = () => { toggle.textContent = isDark() ? 'Light' : 'Dark'; };
toggle.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; tellTheme(); });
prefersDark.addEventListener('change', tellTheme);
tellTheme();

for (const table of all('table[data-sortable]')) {
  const heads = all('thead th', table);
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const body = table.tBodies[0];
      const numeric = head.classList.contains('number');
      const keyed = [...body.rows].map((row) => {
        const cell = row.cells[column];
        return { row, key: numeric ? Number.parseFloat(cell.dataset.value) : cell.textContent.trim() };
      });
      const sign = down ? -1 : 1;
      keyed.sort((a, b) => {
        if (!numeric) return sign * a.key.localeCompare(b.key, undefined, { numeric: true });
        // Cells without a value stay at the end.
        const missing = Number.isNaN(a.key) - Number.isNaN(b.key);
        return missing !== 0 || Number.isNaN(a.key) ? missing : sign * (a.key - b.key);
      });
      body.append(...keyed.map(({ row }) => row));
    });
  });
}

const kinds = all('button[data-kind]');
for (const chosen of kinds) {
  chosen.addEventListener('click', () => {
    for (const button of kinds) button.setAttribute('aria-pressed', String(button === chosen));
    const kind = chosen.dataset.kind;
    for (const figure of all('figure[data-kind]')) figure.hidden = kind !== 'all' && figure.dataset.kind !== kind;
  });
}
`;
