import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

/**
 * Photographs brought to 1920 x 1080, as JPEG files.
 *
 * @param {string} from a folder
 * @param {string} to a folder
 * @returns {Promise<string[]>} twelve paths
 */
export function photographs(from, to) {
  const scenes = readdirSync(from).filter((name) => name.endsWith('.jpg'));
  return Promise.all(
    scenes.slice(0, 12).map(async (name) => {
      const file = join(to, name);
      await sharp(join(from, name)).rotate().resize(1920, 1080, { fit: 'cover' }).jpeg({ quality: 90 }).toFile(file);
      return file;
    }),
  );
}
