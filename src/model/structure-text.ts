/** The structure of a model as text for people: the file `<name>_architecture.txt`. */
import { listDigests } from '../core/digest.ts'
import { escapeText } from '../util/escape-text.ts'
import { plural } from '../util/plural.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { DescribedModel, ModelStructure, Quantisation } from './describe.ts'
import type { LayerPattern } from './name-pattern.ts'
import type { ModelListing } from './read.ts'

/**
 * Write what a model is as text, with everything foreign in it escaped. The same model gives the same text.
 *
 * @param name The name of the model, for the first line.
 */
export function structureText(name: string, { listing, structure }: DescribedModel): string {
  const sections = [
    ['model', [['name', name], ...summaryRows(listing, structure)]],
    ['digests', digestRows(listing)],
    ['layers', structure.layers.map((layer) => layerRow(layer))],
    ['hyperparameters', hyperparameterRows(structure)],
    ['left out of the architecture', (listing.config?.ignored ?? []).map((key) => [key])],
    ['ties', listing.ties.map((names) => [names.join(' = ')])],
  ] as const
  const written = sections.flatMap(([title, rows]) =>
    rows.length === 0 ? [] : [[title, ...aligned(rows)].join('\n')],
  )
  return `${written.join('\n\n')}\n`
}

function summaryRows(listing: ModelListing, structure: ModelStructure): string[][] {
  return [
    ...typeRows(structure),
    ['format', listing.format],
    ['tensors', String(listing.tensorCount)],
    ['parameters', String(listing.parameters)],
    ...(listing.buffers === undefined
      ? []
      : [['buffers', `${listing.buffers.elements} of them in ${plural(listing.buffers.tensors, 'tensor')}`]]),
    ['bytes', String(listing.bytes)],
    ...Object.entries(listing.dtypes).map(([dtype, total]) => [
      dtype,
      `${total.parameters} in ${plural(total.tensors, 'tensor')}, ${total.bytes} bytes`,
    ]),
  ]
}

/** Return rows of the type, the classes and the quantisation of a model. */
export function typeRows({ type, classes, layerClasses, quantisation }: ModelStructure): string[][] {
  const layers = Object.entries(layerClasses ?? {})
  return [
    ...(type === undefined ? [] : [['type', type]]),
    ...(classes.length === 0 ? [] : [['class', classes.join(', ')]]),
    ...(layers.length === 0
      ? []
      : [['layer classes', layers.map(([name, count]) => `${name} ${count}`).join(', ')]]),
    ...(quantisation === undefined ? [] : [['quantisation', quantisationText(quantisation)]]),
  ]
}

function quantisationText({ method, settings }: Quantisation): string {
  const entries = Object.entries(settings).map(([key, value]) => `${key} ${valueText(value)}`)
  return [method, ...entries].join(', ')
}

/** Return a row of a group of tensors: its pattern, dtype, shape, and how many there are. */
export function layerRow({ pattern, dtype, shape, tensors }: LayerPattern): string[] {
  return [pattern, `${dtype} [${shape.join(', ')}]`, ...(tensors === 1 ? [] : [plural(tensors, 'tensor')])]
}

function hyperparameterRows({ hyperparameters }: ModelStructure): string[][] {
  return Object.entries(hyperparameters).map(([key, value]) => [key, valueText(value)])
}

function digestRows({ digests }: ModelListing): string[][] {
  return Object.values(digests).flatMap((each) =>
    listDigests(each).map((digest) => [digest.kind ?? 'file', digest.toString()]),
  )
}

function valueText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Align the columns of rows below a title. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map((cell) => escapeText(cell)))
  const widths: number[] = []
  for (const row of cells)
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    })
  return cells.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  )
}
