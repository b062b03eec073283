import type { BatcherStatistics } from '../../batching/index.js';

/** What became of a request. */
export interface Answer {
  readonly isGood: boolean;
  /** `ok` or `HTTP 200`; of one that failed, its code or status. */
  readonly label: string;
}

/** What is put under load. */
export interface LoadTarget extends AsyncDisposable {
  readonly kind: 'model' | 'url';
  readonly name: string;
  /** Where a model runs. */
  readonly device: string | undefined;
  /** Sends a request and waits for the whole answer, for `deadlineMs` at most. Never rejects. */
  send(index: number, deadlineMs: number | undefined, signal: AbortSignal): Promise<Answer>;
  /** Of a model, since its first request under load. */
  statistics(): BatcherStatistics | undefined;
}
