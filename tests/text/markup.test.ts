import { describe, expect, it } from 'vitest';

import { asMarkup, escapeMarkup, markup } from '../../lib/text/index.js';

describe('markup', () => {
  it('escapes what comes from data, in elements and attributes', () => {
    const name = `<script>"x" & 'y'</script>`;
    expect(String(markup`<b title="${name}">${name}</b>`)).toBe(
      '<b title="&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/script&gt;">&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/script&gt;</b>',
    );
  });

  it('takes markup, lists of it, numbers, and nothing', () => {
    const items = ['a', '<'].map((item) => markup`<li>${item}</li>`);
    expect(String(markup`<ul>${items}</ul>${0}${undefined}${false}${asMarkup('<br/>')}`)).toBe(
      '<ul><li>a</li><li>&lt;</li></ul>0<br/>',
    );
  });

  it('does not take objects that look like markup', () => {
    const forged = { toString: () => '<script>' } as never;
    expect(String(markup`${[forged].map(String)}`)).toBe('&lt;script&gt;');
  });
});

describe('escapeMarkup', () => {
  it('removes what XML cannot hold', () => {
    expect(escapeMarkup('a\u0000\u0008\u001b[31mb\u007f\u0085\ufffe\uffffc')).toBe('a[31mbc');
  });

  it('removes halves of characters and keeps whole ones', () => {
    expect(escapeMarkup('\ud83d|\ude00|\ud83d\ude00|é')).toBe('||\ud83d\ude00|é');
  });

  it('keeps tabs and line ends, in attributes too', () => {
    expect(escapeMarkup('a\tb\r\nc\rd\n')).toBe('a&#9;b&#10;c&#10;d&#10;');
  });
});
