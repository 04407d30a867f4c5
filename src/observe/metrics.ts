/**
 * Metrics: counters and gauges by name, with the few labels each declares, as Prometheus reads them.
 *
 * Labels are topics, tables, reasons and operators: names of the plan, never values of rows, so
 * that their number is bounded by the application.
 */

import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Every metric there is: what it counts, its unit in its name, its labels. */
export const METRICS = {
  millrace_dead_letters_total: ['counter', 'records that could not be used', ['topic', 'reason']],
  millrace_decoded_rows: ['gauge', 'rows decoded by this run', ['topic']],
  millrace_decode_fallback_rows: ['gauge', 'of them, rows that took the slow path', ['topic']],
  millrace_epochs_total: ['counter', 'epochs by step reached', ['step']],
  millrace_rows_applied_total: ['counter', 'rows inserted and verified', ['table']],
  millrace_epoch_apply_seconds: ['histogram', 'prepared to verified', []],
  millrace_store_restarts_total: ['counter', 'starts of the store after its first', []],
  millrace_store_up: ['gauge', '1 while the store answers', []],
} as const satisfies Record<
  string,
  readonly ['counter' | 'gauge' | 'histogram', string, readonly string[]]
>

export type MetricName = keyof typeof METRICS
export type Labels = Readonly<Record<string, string>>

export interface Metrics {
  /** Adds to a counter. */
  add(name: MetricName, value: number, labels?: Labels): void
  /** Sets a gauge. */
  set(name: MetricName, value: number, labels?: Labels): void
  /** Adds an observation to a histogram. */
  observe(name: MetricName, value: number, labels?: Labels): void
  /** The text that Prometheus scrapes. */
  text(): Promise<string>
}

/** A registry of its own, so that two platforms in one process do not mix. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const known = new Map<string, Counter | Gauge | Histogram>()
  for (const [name, [kind, help, labels]] of Object.entries(METRICS)) {
    const options = { name, help, labelNames: [...labels], registers }
    if (kind === 'counter') known.set(name, new Counter(options))
    else if (kind === 'gauge') known.set(name, new Gauge(options))
    else known.set(name, new Histogram({ ...options, buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10] }))
  }
  return {
    add(name, value, labels = {}) {
      const metric = known.get(name)
      if (metric instanceof Counter) metric.inc({ ...labels }, value)
    },
    set(name, value, labels = {}) {
      const metric = known.get(name)
      if (metric instanceof Gauge) metric.set({ ...labels }, value)
    },
    observe(name, value, labels = {}) {
      const metric = known.get(name)
      if (metric instanceof Histogram) metric.observe({ ...labels }, value)
    },
    text: () => registry.metrics(),
  }
}
