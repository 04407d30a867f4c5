/** A shop's invoices: every line, and revenue by day for the shop, each country and each product. */

import {
  count,
  countDistinct,
  csv,
  days,
  defineApp,
  fn,
  hours,
  lit,
  source,
  sum,
  t,
  table,
} from 'millrace'

const lines = source('sales', {
  format: csv({
    columns: {
      InvoiceNo: t.string(),
      StockCode: t.string(),
      Description: t.string().nullable(),
      Quantity: t.int32(),
      InvoiceDate: t.timestamp(),
      UnitPrice: t.decimal(12, 3),
      // Written as `17850.0`.
      CustomerID: t.decimal(9, 1).nullable(),
      Country: t.string(),
    },
  }).map((r, id) => ({
    // Of file and line: two equal lines of a file are two sales.
    id: id.fromLine(),
    invoice: r.InvoiceNo,
    product: r.StockCode,
    description: r.Description,
    quantity: r.Quantity,
    price: r.UnitPrice,
    amount: r.UnitPrice.mul(r.Quantity),
    customer: r.CustomerID.cast(t.int32()),
    country: r.Country,
    cancelled: r.InvoiceNo.startsWith('C'),
    shop: lit('all'),
    at: r.InvoiceDate,
  })),
  at: 'at',
  key: 'invoice',
  ties: ['id'],
  disorder: hours(1),
  lateness: days(1),
})

/** A line that is sent again, by another way than a file that is known, counts once. */
const sales = lines.dedupe(['invoice', 'id'])

const byDay = { size: days(1), bounds: ['day', 'day_end'] } as const

export const app = defineApp({
  name: 'online-retail',
  pipelines: [
    sales.into(table('sales', { key: ['id'], partitionBy: { column: 'at', unit: 'month' } })),
    sales
      .tumble({ by: 'shop', ...byDay })
      .aggregate(r => ({
        lines: count(),
        invoices: countDistinct(r.invoice),
        customers: countDistinct(r.customer),
        anonymous: count().where(r.customer.isNull()),
        cancelled: count().where(r.cancelled),
        negative: count().where(r.quantity.lt(0)),
        free: count().where(r.price.eq(0)),
        revenue: sum(r.amount),
        returned: sum(r.amount).where(fn.or(r.cancelled, r.quantity.lt(0))),
      }))
      .into(table('days', { key: ['shop', 'day'] })),
    sales
      .tumble({ by: 'country', ...byDay })
      .aggregate(r => ({
        lines: count(),
        invoices: countDistinct(r.invoice),
        revenue: sum(r.amount),
      }))
      .into(table('country_days', { key: ['country', 'day'] })),
    sales
      .tumble({ by: 'product', ...byDay })
      .aggregate(r => ({ lines: count(), pieces: sum(r.quantity), revenue: sum(r.amount) }))
      .into(table('product_days', { key: ['product', 'day'] })),
  ],
})
