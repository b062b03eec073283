import { describe, expect, it } from 'vitest';
import type { BoxDecoding } from '../../lib/tasks/heads/box-decoding.js';
import type { DetectionHead, HeadEvidence } from '../../lib/tasks/heads/detection-head.js';
import { presetOf } from '../../lib/tasks/heads/preprocess.js';
import { recognizeHead } from '../../lib/tasks/heads/recognize-head.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

/** Output `[rows, columns]` for an input of this size, with what else is known. */
function recognize(
  shape: readonly [number, number],
  size: number | readonly [number, number],
  labelCount?: number,
  asked?: DetectionHead,
  decoding?: BoxDecoding,
) {
  const [width, height] = typeof size === 'number' ? [size, size] : size;
  return recognizeHead([{ name: 'y', shape: [1, ...shape], decoding }], { width, height, labelCount, asked });
}

describe('a head that the shape alone tells', () => {
  it.each([
    // Published models: YOLOv8 and YOLO11 of COCO, of one class, of another size; P6 and P7 pyramids; an input that is not square.
    [[84, 8400], 640, 'yolov8', 80],
    [[5, 8400], 640, 'yolov8', 1],
    [[84, 2100], 320, 'yolov8', 80],
    [[84, 34000], 1280, 'yolov8', 80],
    [[24, 34100], 1280, 'yolov8', 20],
    [[84, 6300], [640, 480], 'yolov8', 80],
    [[84, 6300], [480, 640], 'yolov8', 80],
    [[10, 1344], 256, 'yolov8', 6],
    [[6, 8000], 640, 'yolov8', 2],
    [[6, 2000], 640, 'yolov8', 2],
    // Five attributes leave room for one class without objectness, and none with.
    [[8400, 5], 640, 'yolov8-transposed', 1],
    // Sizes that the strides do not divide: cells are counted up.
    [[84, 13 * 13 + 7 * 7 + 4 * 4], 100, 'yolov8', 80],
  ] as const)('%o for input %o is %s', (shape, size, head, classes) => {
    const anchors = Math.max(...shape);
    expect(recognize(shape, size)).toEqual({ head, classes, anchors, outputs: ['y'] });
    expect(recognize(shape, size, classes)).toMatchObject({ head, classes });
  });
});

describe('a head that needs the number of classes', () => {
  it('is told by 80, the classes of COCO, where nothing else is known', () => {
    expect(recognize([3549, 85], 416, undefined, undefined, 'none')).toMatchObject({ head: 'yolox', classes: 80 });
    expect(recognize([8400, 84], 640)).toMatchObject({ head: 'yolov8-transposed', classes: 80 });
  });

  it('is told by the labels', () => {
    expect(recognize([8400, 10], 640, 5, undefined, 'distances')).toMatchObject({ head: 'yolov5', classes: 5 });
    expect(recognize([8400, 10], 640, 6, undefined, 'distances')).toMatchObject({ head: 'yolov8-transposed', classes: 6 });
    expect(recognize([8400, 10], 640, 6)).toMatchObject({ head: 'yolov8-transposed', classes: 6 });
    // Also against the habit of COCO.
    expect(recognize([8400, 85], 640, 81)).toMatchObject({ head: 'yolov8-transposed', classes: 81 });
    expect(recognize([8400, 84], 640, 79, undefined, 'none')).toMatchObject({ head: 'yolox', classes: 79 });
  });

  it('is ambiguous otherwise, and the candidates are told', () => {
    const error = thrownBy(() => recognize([8400, 10], 640, undefined, undefined, 'distances'));
    expectFailure(
      error,
      'MODEL_AMBIGUOUS',
      /yolov8-transposed with 6 classes, yolov5 with 5 classes/,
      /\{ head: '.*' \}, or give the labels/,
    );
    expect(error.details).toMatchObject({
      shape: [8400, 10],
      candidates: [
        { head: 'yolov8-transposed', classes: 6, anchors: 8400 },
        { head: 'yolov5', classes: 5, anchors: 8400 },
      ],
    });
  });

  it('is ambiguous where rows and columns are alike', () => {
    // 16 x 16 with strides 8 and 16 has five cells; both readings leave one class.
    const error = thrownBy(() => recognize([5, 5], 16));
    expectFailure(error, 'MODEL_AMBIGUOUS', /yolov8 with 1 classes, yolov8-transposed with 1 classes/);
    expect(recognize([5, 5], 16, undefined, 'yolov8')).toMatchObject({ head: 'yolov8', classes: 1 });
  });

  it('fits no number of labels', () => {
    const error = thrownBy(() => recognize([84, 8400], 640, 3));
    expectFailure(error, 'LABELS_INVALID', /room for 80 classes \(yolov8\), but there are 3 labels/, /as many labels/);
    expectFailure(
      thrownBy(() => recognize([8400, 10], 640, 80)),
      'LABELS_INVALID',
      /6 classes \(yolov8-transposed\) or 5 classes \(yolox\) or 5 classes \(yolov5\), but there are 80/,
    );
  });
});

describe('a candidate a cell, with objectness', () => {
  it('is YOLOX where the graph decodes nothing, else read as boxes', () => {
    const read = (decoding: BoxDecoding) => recognize([8400, 85], 640, undefined, undefined, decoding);
    expect(read('none')).toEqual({ head: 'yolox', classes: 80, anchors: 8400, outputs: ['y'], strides: [8, 16, 32] });
    expect(read('exponential')).toEqual({ head: 'yolov5', classes: 80, anchors: 8400, outputs: ['y'], family: 'yolox' });
    expect(read('distances')).toEqual({ head: 'yolov5', classes: 80, anchors: 8400, outputs: ['y'] });
    expect((['none', 'exponential', 'distances'] as const).map((decoding) => presetOf(read(decoding)))).toEqual([
      'yolox',
      'yolox',
      'yolo',
    ]);
    // Nor is what the network gives taken for boxes without objectness.
    expect(recognize([8400, 10], 640, undefined, undefined, 'none')).toMatchObject({ head: 'yolox', classes: 5 });
  });

  it('is ambiguous where the graph does not tell, whatever the labels', () => {
    for (const labelCount of [undefined, 80]) {
      const error = thrownBy(() => recognize([8400, 85], 640, labelCount));
      expectFailure(
        error,
        'MODEL_AMBIGUOUS',
        /: yolox with 80 classes, yolov5 with 80 classes$/,
        /\{ head: 'yolox' \}.*\{ head: 'yolov5' \}/,
      );
    }
    expectFailure(
      thrownBy(() => recognize([8400, 10], 640)),
      'MODEL_AMBIGUOUS',
      /: yolov8-transposed with 6 classes, yolox with 5 classes, yolov5 with 5 classes$/,
    );
  });

  it('is not what three candidates a cell, or one without objectness, are', () => {
    expect(recognize([25200, 85], 640, undefined, undefined, 'exponential')).not.toHaveProperty('family');
    expect(recognize([8400, 84], 640)).toMatchObject({ head: 'yolov8-transposed', classes: 80 });
  });
});

describe('a head that was named', () => {
  it('is taken where it fits', () => {
    expect(recognize([8400, 10], 640, undefined, 'yolox')).toMatchObject({ head: 'yolox', classes: 5 });
    expect(recognize([8400, 10], 640, undefined, 'yolov8-transposed')).toMatchObject({ classes: 6 });
  });

  it('is refused where it does not, with those that do', () => {
    expectFailure(
      thrownBy(() => recognize([84, 8400], 640, undefined, 'yolox')),
      'MODEL_UNSUPPORTED',
      /\[84, 8400\] does not fit the head 'yolox'/,
      /It fits 'yolov8'/,
    );
    expectFailure(
      thrownBy(() => recognize([4, 4], 640, undefined, 'yolov8')),
      'MODEL_UNSUPPORTED',
      /does not fit the head 'yolov8'/,
      /createSession/,
    );
  });

  it('is refused where the grid tells candidates from attributes, and not blamed on the labels', () => {
    for (const [shape, asked, fitting] of [
      [[84, 8400], 'yolov8-transposed', /It fits 'yolov8'\./],
      [[8400, 84], 'yolov8', /It fits 'yolov8-transposed', 'yolox', 'yolov5'\./],
    ] as const) {
      const error = thrownBy(() => recognize(shape, 640, 80, asked));
      expectFailure(error, 'MODEL_UNSUPPORTED', new RegExp(`does not fit the head '${asked}'`), fitting);
    }
  });

  it('needs no known grid where the graph decodes its boxes', () => {
    expect(recognize([7, 300], 640, undefined, 'yolov8')).toMatchObject({ classes: 3, anchors: 300 });
    expect(recognize([300, 7], 640, undefined, 'yolov8-transposed')).toMatchObject({ classes: 3, anchors: 300 });
    expectFailure(
      thrownBy(() => recognize([300, 7], 640, undefined, 'yolox')),
      'MODEL_UNSUPPORTED',
      /does not fit the head 'yolox'/,
    );
  });

  it('is refused where there is no such head', () => {
    expectFailure(
      thrownBy(() => recognize([84, 8400], 640, undefined, 'yolov4' as never)),
      'INVALID_ARGUMENT',
      /one of yolov5, yolov8, .*scrfd for head but received "yolov4"/,
      /"yolov8"|"yolov5"|"yolox"/,
    );
  });
});

describe('an output that is no head', () => {
  it.each([
    [[100, 9], 640],
    [[4, 8400], 640],
    [[8400, 4], 640],
    [[84, 8400], 416],
    [[25201, 85], 640],
    [[1, 1], 640],
  ] as const)('%o for input %o', (shape, size) => {
    const error = thrownBy(() => recognize(shape, size));
    expectFailure(error, 'MODEL_UNSUPPORTED', /No known detection head/, /yolov8.*createSession/s);
    expect(error.details).toEqual({ shape });
  });
});

describe('heads of other kinds', () => {
  const evidence = (given: Partial<HeadEvidence> = {}): HeadEvidence => ({
    width: 640,
    height: 640,
    labelCount: undefined,
    asked: undefined,
    ...given,
  });
  const output = (name: string, ...shape: number[]) => ({ name, shape });
  const boxes = output('output0', 1, 116, 8400);
  const prototypes = output('output1', 1, 32, 160, 160);

  it('are YOLOv5 and YOLOv7 with three candidates a cell', () => {
    expect(recognize([25200, 85], 640)).toMatchObject({ head: 'yolov5', classes: 80, anchors: 25200 });
    expect(recognize([6300, 8], 320, 3)).toMatchObject({ head: 'yolov5', classes: 3 });
  });

  it('are end-to-end ones, for which the labels are needed', () => {
    expect(recognize([300, 6], 640, 80)).toMatchObject({ head: 'end-to-end', classes: 80, anchors: 300 });
    expectFailure(
      thrownBy(() => recognize([300, 6], 640)),
      'MODEL_AMBIGUOUS',
      /does not tell how many classes/,
      /Give the labels/,
    );
  });

  it('have masks, keypoints or an angle behind the scores', () => {
    expect(recognizeHead([boxes, prototypes], evidence())).toMatchObject({
      head: 'yolov8',
      classes: 80,
      prototypes: { output: 'output1', shape: [32, 160, 160] },
    });
    const pose = evidence({ labelCount: 1, keypoints: { count: 17, values: 3 } });
    expect(recognizeHead([output('y', 1, 56, 8400)], pose)).toMatchObject({ classes: 1, keypoints: { count: 17, values: 3 } });
    const oriented = evidence({ labelCount: 15, rotated: true });
    expect(recognizeHead([output('y', 1, 20, 8400)], oriented)).toMatchObject({ classes: 15, rotated: true });
  });

  it('are RT-DETR as Ultralytics exports it, told by the metadata', () => {
    const six = [output('y', 1, 300, 6)];
    expect(recognizeHead(six, evidence({ labelCount: 2, rtDetr: 'concatenated' }))).toMatchObject({
      head: 'rt-detr-concatenated',
    });
    expect(recognizeHead(six, evidence({ labelCount: 2, rtDetr: 'end-to-end' }))).toMatchObject({ head: 'rt-detr-end-to-end' });
    expect(recognizeHead(six, evidence({ labelCount: 2, rtDetr: false }))).toMatchObject({ head: 'end-to-end' });
    expectFailure(
      thrownBy(() => recognizeHead(six, evidence({ labelCount: 2 }))),
      'MODEL_AMBIGUOUS',
      /end-to-end with 2 classes, rt-detr-concatenated with 2 classes/,
    );
  });

  const queries = (columns: number) => [output('logits', 1, 100, columns), output('pred_boxes', 1, 100, 4)];

  it('are DETR or RT-DETR by the number of labels, else by those of COCO', () => {
    expect(recognizeHead(queries(6), evidence({ labelCount: 5 }))).toMatchObject({
      head: 'detr',
      classes: 5,
      outputs: ['logits', 'pred_boxes'],
    });
    expect(recognizeHead(queries(6).reverse(), evidence({ labelCount: 6 }))).toMatchObject({
      head: 'rt-detr',
      classes: 6,
      outputs: ['logits', 'pred_boxes'],
    });
    expect(recognizeHead(queries(92), evidence())).toMatchObject({ head: 'detr', classes: 91 });
    expect(recognizeHead(queries(80), evidence())).toMatchObject({ head: 'rt-detr', classes: 80 });
    // Four classes: only the name tells which output holds the boxes.
    expect(recognizeHead(queries(4), evidence({ labelCount: 4 }))).toMatchObject({
      head: 'rt-detr',
      outputs: ['logits', 'pred_boxes'],
    });
    expectFailure(
      thrownBy(() => recognizeHead(queries(6), evidence())),
      'MODEL_AMBIGUOUS',
      /detr with 5 classes, rt-detr with 6 classes/,
      /\{ head: 'rt-detr' \}/,
    );
    expectFailure(
      thrownBy(() => recognizeHead(queries(6), evidence({ labelCount: 9 }))),
      'LABELS_INVALID',
      /there are 9 labels/,
    );
  });

  it('are RF-DETR by their names: sigmoid, with a column more than classes', () => {
    const rfdetr = (columns: number) => [output('dets', 1, 300, 4), output('labels', 1, 300, columns)];
    const read = (columns: number, labelCount?: number) => recognizeHead(rfdetr(columns), evidence({ labelCount }));
    expect(read(91)).toEqual({ head: 'rt-detr', classes: 91, anchors: 300, outputs: ['labels', 'dets'] });
    expect(read(7, 7)).toEqual({ head: 'rt-detr', classes: 7, anchors: 300, outputs: ['labels', 'dets'] });
    expect(read(7, 6)).toMatchObject({ head: 'rt-detr', classes: 7, hasUnnamedClass: true });
    expect(read(7)).toMatchObject({ head: 'rt-detr', classes: 7 });
    expect(read(4, 3)).toMatchObject({ outputs: ['labels', 'dets'], hasUnnamedClass: true });
    // 90 names of COCO would begin with id 1.
    for (const [columns, labelCount] of [
      [91, 90],
      [7, 5],
    ] as const) {
      const failure = thrownBy(() => read(columns, labelCount));
      expectFailure(failure, 'LABELS_INVALID', new RegExp(`${columns} classes \\(rt-detr\\), but there are ${labelCount}`));
    }
    expect(presetOf(read(91))).toBe('rfdetr');
  });

  it('are preprocessed as their family was trained', () => {
    expect(presetOf(recognizeHead(queries(80), evidence()))).toBe('rtdetr');
    expect(presetOf(recognizeHead(queries(92), evidence()))).toBe('detr');
    // Conditional and Deformable DETR.
    expect(presetOf(recognizeHead(queries(91), evidence()))).toBe('detr');
  });

  it("are not taken for an SSD's where they may be YOLO-NAS's", () => {
    const nas = [output('boxes', 1, 8400, 4), output('scores', 1, 8400, 80)];
    expectFailure(
      thrownBy(() => recognizeHead(nas, evidence())),
      'MODEL_AMBIGUOUS',
      /an SSD's, with 79 classes and a background, or YOLO-NAS's, with 80 classes/,
      /ssd: \{ boxes: 'decoded' \}.*YOLO-NAS.*createSession/,
    );
    expectFailure(
      thrownBy(() => recognizeHead(nas, evidence({ labelCount: 80 }))),
      'MODEL_UNSUPPORTED',
      /no column for a background.*YOLO-NAS's, which no head reads/,
      /createSession/,
    );
    const priors = { levels: [], centerVariance: 0.1, sizeVariance: 0.2, clip: false, activation: undefined };
    expectFailure(
      thrownBy(() => recognizeHead(nas, evidence({ labelCount: 80, priors }))),
      'LABELS_INVALID',
      /79 classes \(ssd\), but there are 80 labels/,
    );
    for (const known of [{ labelCount: 79 }, { asked: 'ssd' as const }]) {
      expectFailure(
        thrownBy(() => recognizeHead(nas, evidence(known))),
        'MODEL_AMBIGUOUS',
        /look like an SSD's/,
      );
    }
  });

  it('are DETR by the names of their outputs, with hidden states beside them', () => {
    const outputs = [output('last_hidden_state', 1, 100, 256), ...queries(6)];
    expect(recognizeHead(outputs, evidence({ labelCount: 5 }))).toMatchObject({
      head: 'detr',
      outputs: ['logits', 'pred_boxes'],
    });
  });

  it('are SSDs, whose boxes nothing but the user can tell', () => {
    const outputs = [output('scores', 1, 4420, 2), output('boxes', 1, 4420, 4)];
    expectFailure(
      thrownBy(() => recognizeHead(outputs, evidence())),
      'MODEL_AMBIGUOUS',
      /not clear whether "boxes" \[1, 4420, 4\] holds boxes or offsets/,
      /boxes: 'decoded'.*boxes: 'raw', priors/,
    );
    const priors = { levels: [], centerVariance: 0.1, sizeVariance: 0.2, clip: false, activation: undefined };
    expect(recognizeHead(outputs, evidence({ priors }))).toMatchObject({ head: 'ssd', classes: 1, anchors: 4420, priors });
  });

  it('are SCRFD, in any order and with or without a batch dimension', () => {
    const levels = [8, 16, 32].flatMap((stride) => {
      const points = 2 * (640 / stride) ** 2;
      return [output(`kps_${stride}`, points, 10), output(`score_${stride}`, points, 1), output(`bbox_${stride}`, points, 4)];
    });
    const recognized = recognizeHead(levels, evidence());
    expect(recognized).toMatchObject({ head: 'scrfd', anchors: 16800, pointsPerCell: 2, keypoints: { count: 5, values: 2 } });
    expect(recognized.outputs).toEqual(
      [8, 16, 32]
        .map((s) => `score_${s}`)
        .concat(
          [8, 16, 32].map((s) => `bbox_${s}`),
          [8, 16, 32].map((s) => `kps_${s}`),
        ),
    );
    const batched = levels.map(({ name, shape }) => ({ name, shape: [1, ...shape] }));
    expect(
      recognizeHead(
        batched.filter(({ name }) => !name.startsWith('kps')),
        evidence(),
      ),
    ).toMatchObject({ head: 'scrfd', classes: 1 });
    expectFailure(
      thrownBy(() => recognizeHead(levels, evidence({ width: 320 }))),
      'MODEL_UNSUPPORTED',
      /do not fit the strides 8, 16, 32/,
    );
  });

  it('are refused where no outputs are a head', () => {
    expectFailure(
      thrownBy(() => recognizeHead([output('a', 1, 2, 3), output('b', 1, 5, 7)], evidence())),
      'MODEL_UNSUPPORTED',
      /a \[1, 2, 3\], b \[1, 5, 7\]/,
    );
    expectFailure(
      thrownBy(() => recognizeHead([boxes], evidence({ asked: 'detr' }))),
      'MODEL_UNSUPPORTED',
      /the head 'detr'/,
    );
  });
});
