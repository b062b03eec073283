/** Broken CSV files. */

const file = 'labels.csv';

function kind(name, content, place, options) {
  return {
    name: `csv-${name}`,
    format: 'csv',
    files: { [file]: content },
    open: file,
    options,
    code: 'DATASET_INVALID',
    file,
    ...place,
  };
}

const classes = (lines) => `image,label\na.jpg,cat\n${lines}`;
const boxes = (lines) => `image,label,xmin,ymin,xmax,ymax\na.jpg,cat,1,1,3,3\n${lines}`;

export const brokenCsv = [
  kind('empty-file', '', { line: 1, says: ['a header'] }),
  kind('no-header', 'a.jpg,cat\nb.jpg,dog\n', { line: 1, says: ['image', '"a.jpg"'] }),
  kind('box-columns-missing', 'image,label,xmin,ymin\na.jpg,cat,1,1\n', { line: 1, says: ['xmax'] }),
  kind('column-twice', 'image,label,label\na.jpg,cat,dog\n', { line: 1, field: 'label', says: ['once'] }),
  kind('row-short', classes('b.jpg\n'), { line: 3, says: ['2', '1'] }),
  kind('row-long', classes('b.jpg,dog,cow\n'), { line: 3, says: ['2', '3'] }),
  kind('quote-not-closed', classes('"b.jpg,dog\n'), { line: 3, says: ['quote'] }),
  kind('image-empty', classes(',dog\n'), { line: 3, field: 'image', says: ['the name of a file', '""'] }),
  kind('label-empty', classes('b.jpg,\n'), { line: 3, field: 'label', says: ['a class', '""'] }),
  kind(
    'class-unknown',
    classes('b.jpg,cow\n'),
    { line: 3, field: 'label', says: ['"cow"', 'labels'] },
    { labels: ['cat', 'dog'] },
  ),
  kind('image-leads-out', classes('../b.jpg,dog\n'), { line: 3, field: 'image', says: ['"../b.jpg"', 'the folder of pictures'] }),
  kind('box-text', boxes('b.jpg,dog,1,x,3,3\n'), { line: 3, field: 'ymin', says: ['a number', '"x"'] }),
  kind('box-empty', boxes('b.jpg,dog,1,1,,3\n'), { line: 3, field: 'xmax', says: ['a number', '""'] }),
  kind('box-turned', boxes('b.jpg,dog,5,1,3,3\n'), { line: 3, field: 'xmax', says: ['at least xmin', '3'] }),
  kind('box-hexadecimal', boxes('b.jpg,dog,0x1,1,3,3\n'), { line: 3, field: 'xmin', says: ['a number', '"0x1"'] }),
  kind('line-after-quoted-lines', boxes('"b.jpg","two\r\nlines",1,1,3,3\r\nc.jpg,dog,1,1,nan,3\r\n'), {
    line: 5,
    field: 'xmax',
    says: ['a number', '"nan"'],
  }),
  kind('other-size', 'image,label,xmin,ymin,xmax,ymax,width,height\na.jpg,cat,1,1,3,3,8,6\na.jpg,cat,1,1,3,3,8,7\n', {
    line: 3,
    field: 'height',
    says: ['6', '7', 'line 2'],
  }),
  kind('crowd', 'image,label,xmin,ymin,xmax,ymax,difficult\na.jpg,cat,1,1,3,3,often\n', {
    line: 2,
    field: 'difficult',
    says: ['0 or 1', '"often"'],
  }),
  kind('utf-16', Buffer.from('\ufeffimage,label\na.jpg,cat\n', 'utf16le'), { says: ['UTF-8', 'UTF-16'] }),
];
