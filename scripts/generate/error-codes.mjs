/**
 * From lib/errors/codes.ts: the C++ constants, and the page of the documentation.
 */

/** `TENSOR_NAME` to `kTensorName`. */
function constantName(code) {
  return `k${code
    .split('_')
    .map((word) => word[0] + word.slice(1).toLowerCase())
    .join('')}`;
}

function headerText(codes) {
  return `// Generated from lib/errors/codes.ts by scripts/generate.mjs. Do not edit.
#pragma once

#include <string_view>

namespace foveate::error_code {

${codes.map((code) => `inline constexpr std::string_view ${constantName(code)} = "${code}";`).join('\n')}

}  // namespace foveate::error_code
`;
}

function pageText(errorCodes, createError) {
  const rows = Object.entries(errorCodes).map(([code, { exitCode, meaning }]) => {
    const { name } = createError(code, { message: '' });
    return `| \`${code}\` | ${meaning} | \`${name}\` | ${exitCode} |`;
  });
  return `<!-- Generated from lib/errors/codes.ts by scripts/generate.mjs. Do not edit. -->

# Error codes

Every error of foveate is a \`FoveateError\` with a \`code\`. Compare by it, not by the message. The message says what failed, what was
expected and what was received; \`hint\` says what to do; \`details\` holds the values for programs. The exit code is that of the command line.

| Code | Meaning | Class | Exit code |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

/** @returns {Promise<{ path: string, text: string }[]>} */
export async function generateErrorCodes() {
  const { createError, errorCodes } = await import('../../dist/errors/index.js');
  return [
    { path: 'native/core/error_codes.generated.h', text: headerText(Object.keys(errorCodes)) },
    { path: 'docs/errors.md', text: pageText(errorCodes, createError) },
  ];
}
