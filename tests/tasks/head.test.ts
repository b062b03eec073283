import { describe, expect, it } from 'vitest';
import { recognizeHead, type DetectionHead } from '../../lib/tasks/detector-head.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

/** Output `[rows, columns]` for an input of this size, with what else is known. */
function recognize(
  shape: readonly [number, number],
  size: number | readonly [number, number],
  labelCount?: number,
  asked?: DetectionHead,
) {
  const [width, height] = typeof size === 'number' ? [size, size] : size;
  return recognizeHead(shape, { width, height, labelCount, asked });
}

describe('a head that the shape alone tells', () => {
  it.each([
    // Published models: YOLOv8 and YOLO11 of COCO, of one class, of another size; P6 and P7 pyramids; an input that is not square.
    [[84, 8400], 640, 'yolov8', 80, [8, 16, 32]],
    [[5, 8400], 640, 'yolov8', 1, [8, 16, 32]],
    [[84, 2100], 320, 'yolov8', 80, [8, 16, 32]],
    [[84, 34000], 1280, 'yolov8', 80, [8, 16, 32, 64]],
    [[24, 34100], 1280, 'yolov8', 20, [8, 16, 32, 64, 128]],
    [[84, 6300], [640, 480], 'yolov8', 80, [8, 16, 32]],
    [[84, 6300], [480, 640], 'yolov8', 80, [8, 16, 32]],
    [[10, 1344], 256, 'yolov8', 6, [8, 16, 32]],
    [[6, 8000], 640, 'yolov8', 2, [8, 16]],
    [[6, 2000], 640, 'yolov8', 2, [16, 32]],
    // Five attributes leave room for one class without objectness, and none with.
    [[8400, 5], 640, 'yolov8-transposed', 1, [8, 16, 32]],
    // Sizes that the strides do not divide: cells are counted up.
    [[84, 13 * 13 + 7 * 7 + 4 * 4], 100, 'yolov8', 80, [8, 16, 32]],
  ] as const)('%o for input %o is %s', (shape, size, head, classes, strides) => {
    const anchors = Math.max(...shape);
    expect(recognize(shape, size)).toEqual({ head, classes, anchors, strides });
    expect(recognize(shape, size, classes)).toMatchObject({ head, classes });
  });
});

describe('a head that needs the number of classes', () => {
  it('is told by 80, the classes of COCO, where nothing else is known', () => {
    expect(recognize([3549, 85], 416)).toMatchObject({ head: 'yolox', classes: 80 });
    expect(recognize([8400, 84], 640)).toMatchObject({ head: 'yolov8-transposed', classes: 80 });
  });

  it('is told by the labels', () => {
    expect(recognize([8400, 10], 640, 5)).toMatchObject({ head: 'yolox', classes: 5 });
    expect(recognize([8400, 10], 640, 6)).toMatchObject({ head: 'yolov8-transposed', classes: 6 });
    // Also against the habit of COCO.
    expect(recognize([8400, 85], 640, 81)).toMatchObject({ head: 'yolov8-transposed', classes: 81 });
    expect(recognize([8400, 84], 640, 79)).toMatchObject({ head: 'yolox', classes: 79 });
  });

  it('is ambiguous otherwise, and the candidates are told', () => {
    const error = thrownBy(() => recognize([8400, 10], 640));
    expectFailure(
      error,
      'MODEL_AMBIGUOUS',
      /yolov8-transposed with 6 classes, yolox with 5 classes/,
      /\{ head: '.*' \}, or give the labels/,
    );
    expect(error.details).toMatchObject({
      shape: [8400, 10],
      candidates: [
        { head: 'yolov8-transposed', classes: 6, anchors: 8400 },
        { head: 'yolox', classes: 5, anchors: 8400 },
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
      /6 classes \(yolov8-transposed\) or 5 classes \(yolox\), but there are 80/,
    );
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
      [[8400, 84], 'yolov8', /It fits 'yolov8-transposed', 'yolox'\./],
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
      thrownBy(() => recognize([84, 8400], 640, undefined, 'yolov5' as never)),
      'INVALID_ARGUMENT',
      /one of yolov8, yolov8-transposed, yolox for head but received "yolov5"/,
      /"yolov8"|"yolox"/,
    );
  });
});

describe('an output that is no head', () => {
  it.each([
    [[100, 6], 640],
    [[4, 8400], 640],
    [[8400, 4], 640],
    [[84, 8400], 416],
    [[25200, 85], 640],
    [[1, 1], 640],
  ] as const)('%o for input %o', (shape, size) => {
    const error = thrownBy(() => recognize(shape, size));
    expectFailure(error, 'MODEL_UNSUPPORTED', /No known detection head/, /yolov8.*createSession/s);
    expect(error.details).toEqual({ shape });
  });
});
