export function standinCuda(): string;
export function standinTensorRt(): string;
export function standinCounts(): Promise<Readonly<Record<string, number>>>;
export function runsOnStandins(): boolean;
