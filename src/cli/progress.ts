/** Often enough to look alive, seldom enough to cost nothing. */
const REDRAW_MS = 100;

/** The rate is that of the last few seconds: what an ETA should go by. */
const RATE_WINDOW_MS = 5_000;

const BAR_WIDTH = 20;

/** What there is to show. Bytes that were there before the command began are not part of the rate. */
export interface Progress {
  label: string;
  doneBytes: number;
  /** 0: not known. */
  totalBytes: number;
}

/** A line on a terminal that is drawn over and over; nothing at all where stderr is none. */
export class ProgressLine {
  readonly #out: NodeJS.WriteStream;
  #timer: NodeJS.Timeout | undefined;
  #shown = false;
  #samples: { atMs: number; bytes: number }[] = [];
  #movedBytes = 0;
  #latest: Progress | undefined;

  constructor(out: NodeJS.WriteStream = process.stderr) {
    this.#out = out;
    if (!out.isTTY) return;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }

  /** `movedBytes`: what has come over the wire since the last call. */
  update(progress: Progress, movedBytes: number): void {
    this.#latest = progress;
    this.#movedBytes += movedBytes;
  }

  /** Writes a line of its own, above the progress. */
  tell(text: string): void {
    this.#clear();
    this.#out.write(`exec-server: ${text}\n`);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #draw(): void {
    if (!this.#latest) return;
    const now = performance.now();
    this.#samples.push({ atMs: now, bytes: this.#movedBytes });
    while (now - (this.#samples[0]?.atMs ?? now) > RATE_WINDOW_MS) this.#samples.shift();
    const [first] = this.#samples;
    const seconds = first ? (now - first.atMs) / 1000 : 0;
    const rate = first && seconds > 0 ? (this.#movedBytes - first.bytes) / seconds : 0;
    const line = progressText(this.#latest, rate).slice(0, Math.max(0, (this.#out.columns ?? 80) - 1));
    this.#out.write(`\r\x1b[K${line}`);
    this.#shown = true;
  }

  #clear(): void {
    if (this.#shown) this.#out.write('\r\x1b[K');
    this.#shown = false;
  }
}

/** `name  42% [########            ]  420 MB  56.1 MB/s  ETA 0:12`. Rate in bytes per second. */
export function progressText({ label, doneBytes, totalBytes }: Progress, rate: number): string {
  const parts = [printable(label)];
  if (totalBytes > 0) {
    const share = Math.min(1, doneBytes / totalBytes);
    const filled = Math.round(share * BAR_WIDTH);
    parts.push(`${String(Math.floor(share * 100)).padStart(3)}% [${'#'.repeat(filled).padEnd(BAR_WIDTH)}]`);
  }
  parts.push(bytesText(doneBytes), `${bytesText(rate)}/s`);
  if (totalBytes > 0 && rate > 0) parts.push(`ETA ${durationText((totalBytes - doneBytes) / rate)}`);
  return parts.join('  ');
}

/** Decimal units, as disks and links are sold. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function durationText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A name may hold what a terminal takes for a command. */
export function printable(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through
  return name.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
}
