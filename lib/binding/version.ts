// Generated from package.json by scripts/generate.mjs. Do not edit.

/** foveate's own version. */
export const packageVersion = '0.1.0';
