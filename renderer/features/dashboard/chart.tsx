import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import { toLmError, type ErrorData } from '../../../electron/contract';
import { formatClockOfDay } from './clock-of-day';
import { drawChart, readNewest, type ChartDrawing, type Readout } from './chart-drawing';
import { formatValue, type ChartSpec } from './chart-spec';
import type { ChartSource } from './feed';
import { loadPlot } from './plot';
import { useOnScreen } from './use-on-screen';
import styles from './chart.module.css';

export interface ChartProps<Sample extends { readonly timeMs: number }> {
  readonly spec: ChartSpec<Sample>;
  readonly source: ChartSource<Sample>;
  /** Stands before the title for assistive technology, such as the GPU's name. */
  readonly subject?: string;
  /** What the value is a part of, such as `of 2 cores`. */
  readonly note?: string;
}

/**
 * One small chart of the last minutes with its value in words. Renders once: ticks write to the canvas and to
 * the text beside it, past React.
 */
export function Chart<Sample extends { readonly timeMs: number }>({
  spec,
  source,
  subject,
  note,
}: ChartProps<Sample>) {
  const host = useRef<HTMLDivElement>(null);
  const texts = useRef<HTMLElement>(null);
  const drawing = useRef<ChartDrawing | null>(null);
  const [error, setError] = useState<ErrorData | null>(null);
  const onScreen = useOnScreen(host);
  const everSeen = useEverTrue(onScreen);
  const titleId = useId();
  const readoutId = useId();

  useEffect(() => {
    const target = host.current;
    if (!everSeen || !target) return;
    let cancelled = false;
    const sizes = new ResizeObserver(() => drawing.current?.resize(target.clientWidth));
    loadPlot().then(
      (constructor) => {
        if (cancelled) return;
        drawing.current = drawChart({
          constructor,
          target,
          widthPixels: target.clientWidth,
          spec,
          source,
          onReadout: (readout) => {
            if (texts.current) writeReadout(texts.current, spec, readout);
          },
        });
        drawing.current.setVisible(true);
        sizes.observe(target);
      },
      (reason: unknown) => {
        if (!cancelled) setError(toLmError(reason).data);
      },
    );
    return () => {
      cancelled = true;
      sizes.disconnect();
      drawing.current?.dispose();
      drawing.current = null;
    };
  }, [everSeen, spec, source]);

  useEffect(() => drawing.current?.setVisible(onScreen), [onScreen]);

  // Off the screen nothing is drawn, but the words stay right for those who do not look.
  useEffect(() => {
    if (onScreen) return;
    const write = () => {
      if (texts.current) writeReadout(texts.current, spec, readNewest(spec, source));
    };
    write();
    return source.onTick(write);
  }, [onScreen, spec, source]);

  const onKeyDown = (event: KeyboardEvent) => {
    const move = keyMoves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    drawing.current?.moveCursor(move);
  };

  return (
    <figure className={styles.chart} aria-labelledby={titleId}>
      <figcaption className={styles.caption} ref={texts}>
        <span className={styles.title} id={titleId}>
          {subject && <span className={styles.subject}>{subject} </span>}
          {spec.title}
        </span>
        <span className={styles.values} id={readoutId}>
          {spec.lines.map((line) => (
            <span className={styles.value} key={line.name}>
              {spec.lines.length > 1 && (
                <span className={styles.line}>
                  <span className={styles.swatch} style={{ background: `var(${line.colour})` }} aria-hidden />
                  {line.name}
                </span>
              )}
              <output className={styles.number} data-readout="value" aria-live="off" />
            </span>
          ))}
          <span className={styles.note} data-readout="limit" />
        </span>
        <span className={styles.footer}>
          <span data-readout="time" />
          {note && <span>{note}</span>}
        </span>
      </figcaption>
      {error ? (
        <p className={styles.error}>The chart could not be loaded: {error.message}</p>
      ) : (
        <div
          className={styles.canvas}
          ref={host}
          role="img"
          tabIndex={0}
          aria-label={`${subject ? `${subject} ` : ''}${spec.title} of the last five minutes. Left and right arrow keys read earlier values.`}
          aria-describedby={readoutId}
          onKeyDown={onKeyDown}
          onBlur={() => drawing.current?.moveCursor('leave')}
        />
      )}
    </figure>
  );
}

const keyMoves: Readonly<Record<string, number | 'first' | 'last' | 'leave'>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -30,
  PageDown: 30,
  Home: 'first',
  End: 'last',
  Escape: 'leave',
};

function writeReadout<Sample>(texts: HTMLElement, spec: ChartSpec<Sample>, readout: Readout): void {
  texts.querySelectorAll('[data-readout="value"]').forEach((element, index) => {
    element.textContent = formatValue(readout.values[index] ?? null, spec.unit);
  });
  const write = (part: string, text: string) => {
    const element = texts.querySelector(`[data-readout="${part}"]`);
    if (element && element.textContent !== text) element.textContent = text;
  };
  write('limit', readout.limit === null ? '' : `of ${formatValue(readout.limit, spec.unit)}`);
  write(
    'time',
    readout.atSeconds === null ? describeWindow(spec, readout) : `at ${formatClockOfDay(readout.atSeconds)}`,
  );
}

function describeWindow<Sample>(spec: ChartSpec<Sample>, readout: Readout): string {
  if (readout.missing !== null) return `not reported: ${readout.missing}`;
  return readout.highest === null ? 'not reported' : `peak ${formatValue(readout.highest, spec.unit)}`;
}

/** A chart is made when it is first seen and kept from then on. */
function useEverTrue(value: boolean): boolean {
  const [ever, setEver] = useState(value);
  if (value && !ever) setEver(true);
  return ever;
}
