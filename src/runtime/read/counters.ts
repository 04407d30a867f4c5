/**
 * What became of the records of a source, cumulative over runs:
 * `records = accepted + filtered + dead letters + too late`.
 *
 * `filtered` are rows that the filters took out which all rows of the source meet, before its plan
 * branches or remembers anything: those reach no table.
 */

/** Counts of one source in one task, as JSON data. */
export interface SourceCounts {
  readonly records: number
  readonly accepted: number
  /** Of the accepted. */
  readonly late: number
  /** Of the accepted: copies that `dedupe` took out. */
  readonly duplicates: number
  readonly tooLate: number
  readonly filtered: Readonly<Record<string, number>>
  readonly deadLetters: Readonly<Record<string, number>>
}

export const NO_COUNTS: SourceCounts = {
  records: 0,
  accepted: 0,
  late: 0,
  duplicates: 0,
  tooLate: 0,
  filtered: {},
  deadLetters: {},
}

/** The counts of several tasks or runs together. */
export function addCounts(a: SourceCounts, b: SourceCounts): SourceCounts {
  return {
    records: a.records + b.records,
    accepted: a.accepted + b.accepted,
    late: a.late + b.late,
    duplicates: a.duplicates + b.duplicates,
    tooLate: a.tooLate + b.tooLate,
    filtered: addByName(a.filtered, b.filtered),
    deadLetters: addByName(a.deadLetters, b.deadLetters),
  }
}

function addByName(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...a }
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count
  return sum
}

/** A count that an operator keeps, and what it stood at when the run began. */
export interface OperatorCount {
  /** `duplicates`, or the rule of a filter. */
  readonly name: string
  readonly kind: 'duplicates' | 'filtered'
  readonly read: () => number
}

export class SourceCounters {
  #before: SourceCounts = NO_COUNTS
  #records = 0
  #included = 0
  #late = 0
  #tooLate = 0
  readonly #dead: Record<string, number> = {}
  readonly #operators: OperatorCount[] = []

  /** Counts a decoded range: its records, the rows included, and how many of those were late. */
  read(records: number, included: number, late: number): void {
    this.#records += records
    this.#included += included
    this.#late += late
  }

  dead(reason: string): void {
    this.#dead[reason] = (this.#dead[reason] ?? 0) + 1
  }

  tooLate(): void {
    this.#tooLate++
  }

  watch(count: OperatorCount): void {
    this.#operators.push(count)
  }

  restore(before: SourceCounts): void {
    this.#before = before
  }

  counts(): SourceCounts {
    const filtered: Record<string, number> = {}
    let removed = 0
    let duplicates = 0
    for (const { name, kind, read } of this.#operators) {
      const count = read()
      if (kind === 'duplicates') duplicates += count
      else {
        removed += count
        if (count > 0) filtered[name] = (filtered[name] ?? 0) + count
      }
    }
    return addCounts(this.#before, {
      records: this.#records,
      accepted: this.#included - removed,
      late: this.#late,
      duplicates,
      tooLate: this.#tooLate,
      filtered,
      deadLetters: { ...this.#dead },
    })
  }
}
