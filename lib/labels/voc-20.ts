/** The 20 classes of PASCAL VOC 2007 to 2012, in alphabetical order as everywhere. */
export const voc20: readonly string[] = `
aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, diningtable, dog, horse, motorbike, person, pottedplant, sheep,
sofa, train, tvmonitor
`
  .trim()
  .split(/,\s/);

/** The same for segmentation, where class 0 is what belongs to none of them. */
export const voc21: readonly string[] = ['background', ...voc20];
