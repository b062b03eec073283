import cliProgress from 'cli-progress';

/** How far a long piece of work is. */
export interface Progress {
  /** `done` pieces are done now, of as many as it began with, or of `total` where these have become more. */
  advance(done: number, total?: number): void;
  /** Lets `write` put lines on the terminal, above the bar where there is one. */
  above(write: () => void): void;
  /** Leaves the terminal as it was. */
  stop(): void;
}

/** A bar with the time that is left on a terminal, a line now and then elsewhere, nothing where it was not asked for. */
export function startProgress(begun: number, noun: string, wanted: boolean): Progress {
  if (!wanted || begun < 2) return { advance: () => {}, above: (write) => write(), stop: () => {} };
  const { stderr } = process;
  return stderr.isTTY && process.env['TERM'] !== 'dumb' ? startBar(begun, noun, stderr) : startLines(begun, noun, stderr);
}

function startBar(begun: number, noun: string, stream: NodeJS.WriteStream): Progress {
  const started = performance.now();
  let total = begun;
  // A bar of this kind, unlike the library's single bar, does not move the cursor back to where it was when the bar began.
  const bars = new cliProgress.MultiBar({
    stream,
    barsize: 24,
    clearOnComplete: true,
    // Results written above it overwrite it, so it is drawn anew even where it has not changed.
    forceRedraw: true,
    // The cursor is never hidden, and Ctrl-C is not the bar's business.
    hideCursor: false,
    gracefulExit: false,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    format: (options, { progress, value }) => {
      const left = secondsLeft(started, value, total);
      const eta = left === undefined ? '' : `, ${formatSeconds(left)} left`;
      return `${cliProgress.Format.BarFormat(progress, options)} ${value}/${total} ${noun}${eta}`;
    },
  });
  const bar = bars.create(total, 0);
  const stop = (): void => {
    process.off('exit', stop);
    bars.stop();
  };
  // A second Ctrl-C ends the process at once: line wrapping is on again even so.
  process.once('exit', stop);
  return {
    advance: (done, of = total) => {
      if (of !== total) bar.setTotal((total = of));
      bar.update(done);
    },
    above: (write) => {
      stream.write('\r\x1b[2K');
      write();
      bars.update();
    },
    stop,
  };
}

/** A line at each tenth, but not more than one a second, and one at least every ten seconds. */
function startLines(begun: number, noun: string, stream: NodeJS.WriteStream): Progress {
  const started = performance.now();
  let total = begun;
  let lastAt = started;
  let lastTenth = 0;
  return {
    advance: (done, of = total) => {
      total = of;
      const now = performance.now();
      const tenth = Math.floor((done * 10) / total);
      const due = now - lastAt >= 10_000 || (tenth > lastTenth && now - lastAt >= 1000);
      if (!due || done === total) return;
      lastAt = now;
      lastTenth = tenth;
      const left = formatSeconds(secondsLeft(started, done, total) ?? 0);
      stream.write(`${done}/${total} ${noun} (${Math.floor((done * 100) / total)} %), ${left} left\n`);
    },
    above: (write) => write(),
    stop: () => {},
  };
}

/** By the mean speed so far; undefined before anything is done. */
function secondsLeft(started: number, done: number, total: number): number | undefined {
  return done === 0 ? undefined : Math.ceil(((performance.now() - started) / 1000 / done) * (total - done));
}

/** `4.2 s`, `3 min 20 s`, `2 h 5 min` */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.ceil(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
