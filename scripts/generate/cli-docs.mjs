/**
 * docs/cli.md: the help of the program and of each verb, as it is printed, and the exit codes.
 */

/** Help of a command as on a terminal of 100 columns without colours. */
function helpOf(command) {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 100, getOutHasColors: () => false });
  command.outputHelp();
  return text.trimEnd();
}

function section(title, command) {
  return `## \`${title}\`\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`;
}

/** Of a verb, and of those that it has. */
function sections(call, command) {
  const own = `${call} ${command.name()}`;
  return [section(own, command), ...command.commands.flatMap((verb) => sections(own, verb))];
}

/** @returns {Promise<{ path: string, text: string }[]>} */
export async function generateCliDocs() {
  const { createProgram } = await import('../../dist/cli/program.js');
  const { Invocation } = await import('../../dist/cli/invocation.js');
  const program = createProgram(new Invocation([]));
  const verbs = program.commands.flatMap((command) => sections(program.name(), command));
  const text = `<!-- Generated from the command definitions in lib/cli by scripts/generate.mjs. Do not edit. -->

# The command line

Results go to standard output; progress, notes and errors go to standard error. With \`--json\` standard output holds one JSON document and
nothing else, also where the call fails: then it has an \`error\` with \`code\`, \`message\` and \`hint\`. [errors.md](errors.md) lists the codes.
With \`--ndjson\` such an \`error\` is the last line. With \`--results\` the document or the lines go to a file instead; what fails before it is
opened, and the last line of \`--ndjson\`, still go to standard output.

${section(program.name(), program)}
${verbs.join('\n')}`;
  return [{ path: 'docs/cli.md', text }];
}
