/** Tracks as in a street: people that walk, a tracker that misses some, changes ids and finds some that are not there. */
import { writeFileSync } from 'node:fs';

const [width, height] = [1920, 1080];

/** Writes both files in MOTChallenge's form, by track and by frame; returns how many boxes both have together. */
export function trackFiles({ frames, objects }, truthPath, foundPath) {
  let state = frames * 1000 + objects;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const between = (least, most) => least + random() * (most - least);
  const walkers = Array.from({ length: objects }, (_, k) => {
    const size = between(30, 90);
    return {
      x: between(0, width),
      y: between(0, height),
      w: size,
      h: size * 2.4,
      dx: between(-3, 3),
      dy: between(-1, 1),
      id: k + 1,
    };
  });
  let fresh = objects + 1;
  const truth = [];
  const found = [];
  const row = (frame, id, ...box) => [frame, id, ...box.map((value) => value.toFixed(2)), '1'];
  for (let frame = 1; frame <= frames; frame++) {
    walkers.forEach((walker, k) => {
      walker.x = (walker.x + walker.dx + width) % width;
      walker.y = (walker.y + walker.dy + height) % height;
      const { x, y, w, h } = walker;
      truth.push({ id: k + 1, text: `${row(frame, k + 1, x, y, w, h)},1,1` });
      if (random() < 0.003) walker.id = fresh++;
      const noise = () => between(-0.08, 0.08) * w;
      if (random() >= 0.1) found.push(`${row(frame, walker.id, x + noise(), y + noise(), w + noise(), h + noise())},-1,-1,-1`);
      // What is not there is found again and again, for a while under one id.
      const ghost = (k + 1) * 100_000 + Math.floor(frame / 100);
      if (random() < 0.1) found.push(`${row(frame, ghost, between(0, width), between(0, height), w, h)},-1,-1,-1`);
    });
  }
  // As MOTChallenge's gt.txt: track by track.
  truth.sort((a, b) => a.id - b.id);
  writeFileSync(truthPath, truth.map(({ text }) => `${text}\n`).join(''));
  writeFileSync(foundPath, found.map((text) => `${text}\n`).join(''));
  return truth.length + found.length;
}
