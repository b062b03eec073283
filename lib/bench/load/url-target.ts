import type { Answer, LoadTarget } from './load-target.js';

/** What is sent to a URL. */
export interface LoadRequest {
  /** Default 'POST' with a body, else 'GET'. */
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Taken in turn. */
  readonly bodies?: readonly Uint8Array[] | undefined;
}

/** A server that is asked with Node's own `fetch`, which keeps its connections. */
export class UrlTarget implements LoadTarget {
  readonly kind = 'url';
  readonly name: string;
  readonly device = undefined;
  readonly #url: URL;
  readonly #request: LoadRequest;

  constructor(url: URL, request: LoadRequest) {
    // Neither a password nor a key in the query belongs into a report.
    this.name = `${url.origin}${url.pathname}`;
    this.#url = url;
    this.#request = request;
  }

  async send(index: number, deadlineMs: number | undefined, signal: AbortSignal): Promise<Answer> {
    const { bodies = [], headers, method = bodies.length > 0 ? 'POST' : 'GET' } = this.#request;
    const body = bodies.length === 0 ? null : (bodies[index % bodies.length] as Uint8Array<ArrayBuffer>);
    // A signal of its own: that of the test would keep a listener of each request.
    const abort = new AbortController();
    const onAbort = (): void => abort.abort();
    let isLate = false;
    const onDeadline = (): void => {
      isLate = true;
      abort.abort();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = deadlineMs === undefined ? undefined : setTimeout(onDeadline, Math.ceil(deadlineMs));
    try {
      const response = await fetch(this.#url, {
        method,
        headers: { ...headers },
        body,
        redirect: 'manual',
        signal: abort.signal,
      });
      for await (const piece of response.body ?? []) void piece; // an answer is there when all of it is
      return { isGood: response.status < 400, label: `HTTP ${response.status}` };
    } catch (error) {
      return { isGood: false, label: isLate ? 'DEADLINE_EXCEEDED' : failureLabel(error) };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  statistics(): undefined {
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The system's or the client's code, such as ECONNREFUSED, which `fetch` hides in its cause. */
function failureLabel(error: unknown): string {
  const { cause, name } = error as Error & { cause?: { code?: unknown; errors?: readonly { code?: unknown }[] } };
  const code = cause?.code ?? cause?.errors?.[0]?.code;
  return typeof code === 'string' ? code : name;
}
