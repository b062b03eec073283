/** What was published while a test ran. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach } from 'vitest';

const stops: (() => void)[] = [];

/** To be called once in each file that records. */
export function useRecording(): void {
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
  });
}

/** The events of a channel from now to the end of the test; what `also` gives is put into each. */
export function recorded<Event>(name: string, also: () => object = () => ({})): Event[] {
  const events: Event[] = [];
  const onEvent = (event: unknown): void => void events.push({ ...(event as Event), ...also() });
  subscribe(name, onEvent);
  stops.push(() => unsubscribe(name, onEvent));
  return events;
}
