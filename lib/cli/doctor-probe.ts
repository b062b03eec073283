/** Looks at the machine in a process of its own, and tells its parent what it looks at and what it found. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import {
  diagnose,
  remedyForDamage,
  unusableTensorRt,
  type Diagnosis,
  type DiagnosisStep,
  type TensorRtCandidate,
  type TensorRtFinding,
} from '../engine/index.js';

/** A message from here. */
export type ProbeMessage = { readonly step: DiagnosisStep } | { readonly diagnosis: Diagnosis };

const send = (message: ProbeMessage): void => void process.send?.(message);

/** Each TensorRT library is looked at in a process of its own: one that crashes is a finding. */
function lookAt(candidate: TensorRtCandidate): Promise<TensorRtFinding> {
  return new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL('./doctor-tensorrt-probe.js', import.meta.url));
    const child = fork(program, [JSON.stringify(candidate)], { stdio: ['ignore', 2, 2, 'ipc'] });
    child.on('message', (finding: TensorRtFinding) => resolve(finding));
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      const detail = `the process that opened it ended with ${killedBy ?? `exit code ${code}`}`;
      const remedy = remedyForDamage(candidate, 'It is damaged, or does not fit this system: install it again.');
      resolve(unusableTensorRt(candidate, detail, remedy));
    });
  });
}

send({ diagnosis: await diagnose((step) => send({ step }), lookAt) });
