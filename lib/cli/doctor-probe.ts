/** Looks at the machine in a process of its own, and tells its parent what it looks at and what it found. */
import { diagnose, type Diagnosis, type DiagnosisStep } from '../engine/index.js';

/** A message from here. */
export type ProbeMessage = { readonly step: DiagnosisStep } | { readonly diagnosis: Diagnosis };

const send = (message: ProbeMessage): void => void process.send?.(message);

send({ diagnosis: await diagnose((step) => send({ step })) });
