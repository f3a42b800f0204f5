/**
 * Prometheus text for families with many series. prom-client holds the few counters; what is as long
 * as the configuration is written straight from the books, in chunks, so that a scrape never holds
 * the event loop (prom-client takes 200 ms for 50,000 series).
 */
import type { HistogramRow } from './event-tally.ts';
import { METRICS, type MetricName } from './metric-names.ts';

/** Text of about this size is handed out at once. */
const CHUNK_OCTETS = 32_768;

export interface Sample {
  readonly labels: readonly string[];
  readonly value: number;
}

/** The head lines of a family. */
function familyHead(name: MetricName): string {
  const row = METRICS[name];
  return `# HELP ${name} ${row.help}\n# TYPE ${name} ${row.kind}\n`;
}

/** A family in chunks; label values stand in the order of the table. */
export function* renderFamily(name: MetricName, samples: Iterable<Sample>): Generator<string> {
  const { labels } = METRICS[name];
  let text = familyHead(name);
  for (const sample of samples) {
    text += `${name}${labelText(labels, sample.labels)} ${numberText(sample.value)}\n`;
    if (text.length >= CHUNK_OCTETS) {
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}

/** A histogram with one label; its buckets hold what is in the smaller ones, too. */
export function* renderHistogram(
  name: MetricName,
  bounds: readonly number[],
  rows: Iterable<HistogramRow>,
): Generator<string> {
  const { labels } = METRICS[name];
  yield familyHead(name);
  for (const { label, counts, sum } of rows) {
    let text = '';
    let count = 0;
    for (const [index, inBucket] of counts.entries()) {
      count += inBucket;
      const bound = numberText(bounds[index] ?? Number.POSITIVE_INFINITY);
      text += `${name}_bucket${labelText(['le', ...labels], [bound, label])} ${count}\n`;
    }
    const ofRow = labelText(labels, [label]);
    yield `${text}${name}_sum${ofRow} ${numberText(sum)}\n${name}_count${ofRow} ${count}\n`;
  }
}

function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return '';
  let text = '{';
  for (const [index, name] of names.entries()) {
    if (index > 0) text += ',';
    text += `${name}="${escapeLabel(values[index] ?? '')}"`;
  }
  return `${text}}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN';
}

/** Backslash, quote and line feed, as the text format wants them. */
function escapeLabel(value: string): string {
  if (!/["\\\n]/.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
