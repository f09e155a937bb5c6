/** `14:05:09`, in the person's time zone. */
export function formatClockOfDay(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB');
}
