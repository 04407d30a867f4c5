/** Counts of what became of records. */

export interface Counts {
  readonly records: number
  readonly accepted: number
  /** Dead letters by reason. */
  readonly deadLetters: Readonly<Record<string, number>>
}

export class Tally {
  records = 0
  accepted = 0
  private readonly reasons = new Map<string, number>()

  reject(reason: string): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1)
  }

  add(counts: Counts): void {
    this.records += counts.records
    this.accepted += counts.accepted
    for (const [reason, count] of Object.entries(counts.deadLetters)) {
      this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + count)
    }
  }

  counts(): Counts {
    const deadLetters = Object.fromEntries([...this.reasons].sort(([a], [b]) => (a < b ? -1 : 1)))
    return { records: this.records, accepted: this.accepted, deadLetters }
  }
}
