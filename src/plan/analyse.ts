/**
 * From an application to its stages.
 *
 * Every operator gets a level: the rekeys on the longest way to it. A rekey's rows enter one level
 * above the operator that gives them. An operator that rows of a higher level meet (the other side
 * of a join, say) runs again on that level and reads its topic again: so no stage reads what it
 * writes. Equal operators of one level are one. What is connected on a level is a stage; dimensions
 * that are read whole connect nothing, and each stage has its own.
 */

import { invariant } from '#base'
import type { Application, Emit } from './application.ts'
import { canonicalJson } from './canonical.ts'
import { mayRetract } from './check/operator.ts'
import { inputsOf, type Operator } from './operator.ts'
import { type Placement, partitionedAlike, placementOf } from './partitioning.ts'
import type { Stage, StageInput, StageOperator, StageRepartition, StageTable } from './stages.ts'

/** An operator on a level. */
interface Node {
  readonly id: number
  readonly plan: Operator
  readonly level: number
  /** Whether it belongs to a dimension that is read whole. */
  readonly broadcast: boolean
  readonly inputs: readonly Node[]
  /** For a rekey: the operator, one level below or further, whose rows it moves. */
  readonly writer: Node | undefined
  readonly tables: StageTable[]
  emit: Emit
}

const EMITS: readonly Emit[] = ['update', 'closed', 'settled']

/** The one that gives rows sooner. */
function earlier(a: Emit, b: Emit): Emit {
  return EMITS.indexOf(a) <= EMITS.indexOf(b) ? a : b
}

class Graph {
  readonly nodes: Node[] = []
  readonly #application: Application
  readonly #known = new Map<string, Node>()
  readonly #levels = new Map<Operator, number>()
  readonly #forms = new Map<Operator, string>()
  readonly #numbers = new Map<string, string>()
  readonly #placements = new Map<Operator, Placement>()

  constructor(application: Application) {
    this.#application = application
    for (const { input, table, emit } of application.pipelines) {
      const node = this.#visit(input, this.#level(input), false)
      node.tables.push({ operator: node.id, table, emit })
      emitted(node, emit)
    }
  }

  #level(operator: Operator): number {
    const known = this.#levels.get(operator)
    if (known !== undefined) return known
    const above = Math.max(0, ...inputsOf(operator).map(input => this.#level(input)))
    const level = operator.op === 'rekey' ? above + 1 : above
    this.#levels.set(operator, level)
    return level
  }

  /** The canonical form with the inputs' forms as numbers: equal plans have equal forms. */
  #form(operator: Operator): string {
    const known = this.#forms.get(operator)
    if (known !== undefined) return known
    const {
      input: _i,
      inputs: _s,
      left: _l,
      right: _r,
      table: _t,
      ...own
    } = operator as Operator & Readonly<Record<string, unknown>>
    const inputs = inputsOf(operator).map(entry => this.#form(entry))
    const whole = canonicalJson({ own, inputs })
    const form = this.#numbers.get(whole) ?? String(this.#numbers.size)
    this.#numbers.set(whole, form)
    this.#forms.set(operator, form)
    return form
  }

  #placement(operator: Operator): Placement {
    const known = this.#placements.get(operator)
    if (known !== undefined) return known
    const placement = placementOf(operator, name => {
      const source = this.#application.sources.find(entry => entry.name === name)
      invariant(source !== undefined, `the source "${name}" is declared`)
      return source
    })
    this.#placements.set(operator, placement)
    return placement
  }

  #visit(plan: Operator, level: number, broadcast: boolean): Node {
    const name = `${this.#form(plan)} ${level} ${broadcast}`
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const rekey = plan.op === 'rekey'
    const writer = rekey ? this.#visit(plan.input, this.#level(plan.input), false) : undefined
    const inputs = rekey
      ? []
      : inputsOf(plan).map((input, index) =>
          this.#visit(input, level, broadcast || (index === 1 && this.#readWhole(plan))),
        )
    const id = this.nodes.length
    const node: Node = { id, plan, level, broadcast, inputs, writer, tables: [], emit: 'settled' }
    this.nodes.push(node)
    this.#known.set(name, node)
    return node
  }

  /** Whether the second input is a dimension that is partitioned otherwise than the rows. */
  #readWhole(plan: Operator): boolean {
    if (plan.op !== 'lookup') return false
    return !partitionedAlike(this.#placement(plan.input), this.#placement(plan.table), [plan.on])
  }
}

/** Carries a need for early rows down to the sources. */
function emitted(node: Node, emit: Emit): void {
  const sooner = earlier(node.emit, emit)
  if (sooner === node.emit) return
  node.emit = sooner
  for (const input of node.inputs) emitted(input, sooner)
  if (node.writer !== undefined) emitted(node.writer, sooner)
}

/** Nodes by stage, in order of level and then of their first operator. */
function groups(nodes: readonly Node[]): Node[][] {
  const leader = nodes.map(({ id }) => id)
  const find = (id: number): number => {
    const next = leader[id] ?? id
    return next === id ? id : find(next)
  }
  for (const node of nodes) {
    for (const input of node.inputs) if (!input.broadcast) leader[find(node.id)] = find(input.id)
  }
  const owned = nodes.filter(({ broadcast }) => !broadcast)
  const members = [...Map.groupBy(owned, ({ id }) => find(id)).values()]
  return members
    .map(withDimensions)
    .sort((a, b) => (a[0]?.level ?? 0) - (b[0]?.level ?? 0) || firstOwned(a) - firstOwned(b))
}

function firstOwned(group: readonly Node[]): number {
  return group.find(({ broadcast }) => !broadcast)?.id ?? 0
}

/** The operators of a stage with the dimensions that it reads whole, in topological order. */
function withDimensions(owned: readonly Node[]): Node[] {
  const all = new Set<Node>()
  const add = (node: Node): void => {
    if (all.has(node)) return
    for (const input of node.inputs) add(input)
    all.add(node)
  }
  for (const node of owned) add(node)
  return [...all]
}

function stageOf(
  id: number,
  group: readonly Node[],
  application: Application,
  written: ReadonlyMap<Node, StageRepartition[]>,
  topics: ReadonlyMap<Node, string>,
): Stage {
  const place = new Map(group.map((node, index) => [node, index]))
  const at = (node: Node): number => place.get(node) ?? 0
  const operators = group.map(
    (node): StageOperator => ({
      id: at(node),
      plan: node.plan,
      inputs: node.inputs.map(at),
      retracting: inputsOf(node.plan).some(mayRetract),
      retracts: mayRetract(node.plan),
      emit: node.emit,
    }),
  )
  const inputs = group.flatMap((node): StageInput[] => {
    const { plan, broadcast } = node
    const common = { operator: at(node), schema: plan.schema, broadcast }
    if (plan.op === 'source') {
      const source = application.sources.find(({ name }) => name === plan.source)
      const partitions = source?.partitions ?? 1
      return [{ ...common, topic: plan.source, kind: 'source', partitions }]
    }
    if (plan.op !== 'rekey') return []
    return [
      { ...common, topic: topics.get(node) ?? '', kind: 'change', partitions: plan.partitions },
    ]
  })
  const own = inputs.filter(({ broadcast }) => !broadcast)
  return {
    id,
    partitions: Math.max(...own.map(({ partitions }) => partitions)),
    operators,
    inputs,
    tables: group.flatMap(node => node.tables.map(table => ({ ...table, operator: at(node) }))),
    repartitions: group.flatMap(node =>
      node.broadcast ? [] : (written.get(node) ?? []).map(out => ({ ...out, operator: at(node) })),
    ),
  }
}

/**
 * The stages of an application, in an order in which each reads only what smaller ones write. Equal
 * applications have equal stages. The application must have passed `checkApplication`.
 */
export function analyse(application: Application): readonly Stage[] {
  const { nodes } = new Graph(application)
  const topics = new Map<Node, string>()
  const named = new Map<string, string>()
  const written = new Map<Node, StageRepartition[]>()
  for (const node of nodes) {
    const { plan, writer } = node
    if (plan.op !== 'rekey' || writer === undefined) continue
    const what = `${writer.id} ${plan.by.join(' ')} ${plan.partitions}`
    const known = named.get(what)
    const topic = known ?? `_repartition.${application.name}.${named.size}`
    topics.set(node, topic)
    if (known !== undefined) continue
    named.set(what, topic)
    const { by, partitions } = plan
    const others = written.get(writer) ?? []
    written.set(writer, [...others, { operator: writer.id, topic, by, partitions }])
  }
  return Object.freeze(
    groups(nodes).map((group, id) => stageOf(id, group, application, written, topics)),
  )
}
