/** Which keypoints of COCO's 17 a bone joins: ankles up to the hips, the trunk, the arms, the face. */
const coco17: readonly (readonly [number, number])[] = [
  [15, 13],
  [13, 11],
  [16, 14],
  [14, 12],
  [11, 12],
  [5, 11],
  [6, 12],
  [5, 6],
  [5, 7],
  [7, 9],
  [6, 8],
  [8, 10],
  [0, 1],
  [0, 2],
  [1, 3],
  [2, 4],
  [3, 5],
  [4, 6],
];

/** The bones of a person of COCO; none for any other number of keypoints, whose meaning is not known. */
export function skeletonOf(keypoints: number): readonly (readonly [number, number])[] {
  return keypoints === 17 ? coco17 : [];
}
