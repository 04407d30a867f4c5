import { avg, count, csv, days, defineApp, first, fn, hours, jsonLines, lit, minutes, source, sum, t, table } from 'millrace'

const sales = source('sales', {
  format: csv({
    columns: {
      InvoiceNo: t.string(),
      Quantity: t.int32(),
      InvoiceDate: t.timestamp({ format: 'yyyy-MM-dd HH:mm:ss' }),
      UnitPrice: t.decimal(12, 3),
      CustomerID: t.string().nullable(),
      Country: t.string(),
    },
  }).map((r, id) => ({
    line_id: id.fromLine(),
    invoice: r.InvoiceNo,
    country: r.Country,
    customer: r.CustomerID,
    cancelled: r.InvoiceNo.startsWith('C'),
    amount: r.UnitPrice.mul(r.Quantity),
    at: r.InvoiceDate,
  })),
  at: 'at',
  key: 'invoice',
  ties: ['line_id'],
  disorder: minutes(0),
  lateness: hours(48),
})

const customers = source('customers', {
  format: jsonLines({
    columns: {
      id: t.string(),
      tier: t.enum('basic', 'gold'),
      gone: t.bool().nullable(),
      since: t.timestamp().from('valid.from'),
    },
  }),
  at: 'since',
  key: 'id',
})

const byDay = table('revenue_by_day', {
  columns: {
    country: t.string(),
    day: t.timestamp(),
    day_end: t.timestamp(),
    lines: t.int64(),
    revenue: t.decimal(38, 3).nullable(),
    mean: t.decimal(22, 3).nullable(),
    gold: t.int64(),
    first_invoice: t.string().nullable(),
  },
  key: ['country', 'day'],
})

const lines = table('lines', { key: ['line_id'] })

export const app = defineApp({
  name: 'sales',
  pipelines: [
    sales
      .filter(r => r.cancelled.not(), { rule: 'cancelled' })
      .lookup(customers, {
        key: { customer: 'id' },
        take: { tier: 'tier' },
        otherwise: { tier: 'basic' },
        deleted: c => c.gone,
      })
      .tumble({ by: 'country', size: days(1), bounds: ['day', 'day_end'] })
      .aggregate(r => ({
        lines: count(),
        revenue: sum(r.amount),
        mean: avg(r.amount),
        gold: count().where(r.tier.eq('gold')),
        first_invoice: first(r.invoice),
      }))
      .into(byDay, { emit: 'closed' }),
    sales.with(r => ({ label: fn.if(r.amount.gt(0), lit('sale'), 'return') })).into(lines),
  ],
})

