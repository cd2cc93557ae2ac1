/** `lineaprint model`: the architecture and weights of a model. */
import { stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { Command } from 'commander'
import { listDigests } from '../../core/digest.ts'
import { describeModel, structureJson } from '../../model/describe.ts'
import { listingDocument, readParts } from '../../model/read.ts'
import { layerRow, structureText, typeRows } from '../../model/structure-text.ts'
import { safeFileName } from '../../core/run-id.ts'
import { writeAtomic } from '../../util/fs.ts'
import { algorithmOption, threadsOption, weightsOption } from '../shared/arguments.ts'
import {
  bytes,
  count,
  escapeText,
  isTerminal,
  lineWidth,
  paint,
  print,
  printError,
  printJson,
  printLongJson,
  table,
} from '../shared/output.ts'
import { SAMPLE_HELP, addSampleOptions, sampleRows, toSample } from '../shared/sample.ts'
import { healthLines } from '../shared/health.ts'
import { wrapWords } from '../shared/help.ts'
import { plural } from '../../util/plural.ts'
import { progressBar } from '../shared/progress.ts'
import type { DescribedModel, ModelStructure } from '../../model/describe.ts'
import type { ModelListing, PipelineComponent } from '../../model/report.ts'
import type { HashArguments } from '../shared/arguments.ts'
import type { CommandContext, CommonOptions } from '../shared/context.ts'
import type { SampleArguments } from '../shared/sample.ts'

interface Options extends HashArguments, SampleArguments, CommonOptions {
  readonly files?: boolean
  readonly weights?: string
  readonly lenient?: boolean
  readonly architecture?: string
  /** False with `--no-base`. */
  readonly base?: string | boolean
  readonly health?: boolean
}

/** Build the command. */
export function command(context: CommandContext): Command {
  return addSampleOptions(
    new Command('model')
      .argument('<path>', 'a weights file of any format below, a shard index, or a folder with either')
      .addOption(algorithmOption())
      .option('--files', 'also digest the exact files (hashes every byte twice)')
      .option(
        '--architecture <file>',
        'also write what the model is to a file: as JSON if its name ends in .json, else as text; in a folder, <name>_architecture.txt',
      )
      .option('--base <path>', 'base of an adapter of PEFT; without it the cache of the Hub is searched')
      .option('--no-base', 'do not read the base of an adapter')
      .option('--health', 'also count NaN, infinities and zeros, with range, mean and norm, in the same read')
      .option('--lenient', 'read safetensors as its reference does, and list each deviation')
      .addOption(weightsOption()),
  )
    .addOption(threadsOption())
    .addHelpText('after', EXAMPLES)
    .action((path: string, options: Options) => model(path, options, context))
}

const EXAMPLES = `
architecture  names, dtypes, shapes and the meaningful configuration
family        the same without dimensions and the number of layers
weights       the named tensors, whatever the format, sharding, order or metadata
graph         the computation of an ONNX file, whatever its names and the order of nodes
pipeline      the components of a folder of diffusers, and its configuration
adapter       an adapter of PEFT on its base
tree          the exact files

Formats, found from the content: safetensors, PyTorch (.pt .pth .bin .ckpt), GGUF,
NumPy (.npy .npz), ONNX, Keras (.keras .h5), TensorFlow.js, TFLite, Flax, folders of
diffusers and PEFT. Checkpoints of Orbax and torch.distributed are digested as files.
${SAMPLE_HELP}

Examples:
  lineaprint model models/bert-base
  lineaprint model model.safetensors --json | jq .weights
  lineaprint model models/bert-base --architecture .
  lineaprint model models/bert-base --weights model.fp16.safetensors
  lineaprint model pipelines/sd-turbo --weights fp16
  lineaprint model adapters/lora --base models/llama
  lineaprint model model.gguf --health
  lineaprint model models/llama --sample 1/1000 --sample-strategy blocks`

async function model(path: string, options: Options, context: CommandContext): Promise<void> {
  const progress = progressBar('hashing')
  const { algorithm, threads } = options
  const wanted = {
    algorithm,
    threads,
    signal: context.signal,
    onProgress: progress.onProgress,
    files: options.files,
    weights: options.weights,
    lenient: options.lenient,
    base: options.base === true ? undefined : options.base,
    health: options.health,
    sample: toSample(options),
  }
  if (options.json === true && options.architecture === undefined) {
    // This document has no layers, which take a second where there are a million tensors.
    const parts = await readParts(path, wanted).finally(progress.end)
    await printLongJson(listingDocument(parts), context.signal)
    return
  }
  const described = await describeModel(path, wanted).finally(progress.end)
  if (options.architecture !== undefined) await writeStructure(options.architecture, described)
  if (options.json === true) printJson(described.listing)
  else {
    show(described.listing, described.structure)
    if (options.health === true) print(['', ...healthLines(described.listing.tensors)].join('\n'))
  }
}

/**
 * Write what a model is to a file, or into a folder under the name of the model.
 *
 * @throws ERR_LINEAPRINT_STORE if it cannot be written.
 */
async function writeStructure(given: string, described: DescribedModel): Promise<void> {
  const base = basename(described.listing.path)
  const name = safeFileName(base.slice(0, base.length - extname(base).length) || 'model')
  const info = await stat(given).catch(() => undefined)
  const path = info?.isDirectory() === true ? join(given, `${name}_architecture.txt`) : given
  const text = path.endsWith('.json')
    ? `${JSON.stringify(structureJson(name, described), null, 2)}\n`
    : structureText(name, described)
  await writeAtomic(path, text)
}

function show(report: ModelListing, structure: ModelStructure): void {
  for (const warning of report.warnings) printError(`lineaprint: warning: ${escapeText(warning)}`)
  const digests = digestRows(report)
  if (digests.length > 0) print(table(digests))
  if (digests.length > 0 && isTerminal()) print()
  print(
    properties([
      ...typeRows(structure).map(([name = '', text = '']) => [name, escapeText(text)]),
      ['format', report.format],
      ...(report.incomplete === undefined ? [] : [['no digest', escapeText(report.incomplete)]]),
      ...baseRows(report),
      ...(report.components ?? []).flatMap((component) => componentRows(component)),
      ['files', `${report.files.length}`],
      ...(hasTensors(report)
        ? [
            ['tensors', count(report.tensorCount)],
            ['parameters', count(report.parameters)],
          ]
        : []),
      ...(report.buffers === undefined
        ? []
        : [
            [
              'buffers',
              `${count(report.buffers.elements)} of them in ${plural(report.buffers.tensors, 'tensor')}`,
            ],
          ]),
      ['size', isTerminal() ? bytes(report.bytes) : String(report.bytes)],
      ...Object.entries(report.dtypes).map(([dtype, total]) => [
        `  ${dtype}`,
        `${count(total.parameters)} in ${plural(total.tensors, 'tensor')}, ${bytes(total.bytes)}`,
      ]),
      ...sampleRows(report.sample),
      ...(report.otherCopies === undefined
        ? []
        : [['other copies', escapeText(report.otherCopies.join(', '))]]),
      ...limited('not read', report.notRead ?? [], ({ name, reason }) =>
        name === '' ? reason : `${name}: ${reason}`,
      ),
      ...limited('layer', structure.layers, (layer) => layerRow(layer).join('  ')),
      ...limited('tied', report.ties, (names) => names.join(' = ')),
      ...limited('shared', report.shared ?? [], (names) => names.join(' = ')),
      ...limited('remark', report.remarks ?? [], (remark) => remark),
      ...(report.config && report.config.ignored.length > 0
        ? [['left out', `${report.config.name}: ${escapeText(report.config.ignored.join(', '))}`]]
        : []),
    ]),
  )
}

/** Check whether the tensors of a model are read; of a checkpoint they are not, and 0 would be no answer. */
function hasTensors({ incomplete, tensorCount }: ModelListing): boolean {
  return incomplete === undefined || tensorCount > 0
}

function baseRows({ base }: ModelListing): string[][] {
  if (base === undefined) return []
  const label = base.label === undefined ? [] : [['  label', escapeText(base.label)]]
  if (base.status === 'not-checked') return [['base', `not-checked: ${escapeText(base.reason)}`], ...label]
  return [
    ['base', `${escapeText(base.path)} ${base.from === 'given' ? '(given)' : '(from the cache of the Hub)'}`],
    ['  architecture', base.architecture.toString()],
    ['  weights', base.weights.toString()],
    ...label,
  ]
}

function componentRows(component: PipelineComponent): string[][] {
  const { name, library, digests, format, tensorCount, sameAs } = component
  const kind = `${escapeText(`${library}.${component.class}`)}${
    format === undefined ? '' : `, ${format}, ${plural(tensorCount, 'tensor')}`
  }${sameAs === undefined ? '' : `, the same as ${escapeText(sameAs)}`}`
  return [
    ['component', `${escapeText(name)}  ${kind}`],
    ...Object.entries(digests).flatMap(([what, each]) =>
      listDigests(each).map((digest) => [`  ${what}`, digest.toString()]),
    ),
  ]
}

/** Format properties as two columns; on a terminal the second one is folded to its width. */
function properties(rows: readonly (readonly string[])[]): string {
  if (!isTerminal()) return table(rows)
  const label = Math.max(...rows.map(([name = '']) => name.length))
  const room = Math.max(20, lineWidth() - label - 2)
  return table(
    rows.flatMap(([name = '', text = '']) =>
      wrapWords(text.split(' '), room).map((line, index) => [index === 0 ? name : '', line]),
    ),
  )
}

/** The most parts that are listed on a terminal; all are in a pipe and in JSON. */
const LISTED = 10

/** Return a row for each part; on a terminal the first few, and how many more there are. */
function limited<T>(name: string, parts: readonly T[], text: (part: T) => string): string[][] {
  const shown = isTerminal() && parts.length > LISTED ? parts.slice(0, LISTED) : parts
  const rows = shown.map((part) => [name, escapeText(text(part))])
  if (shown.length < parts.length) rows.push(['', `${count(parts.length - shown.length)} more: see --json`])
  return rows
}

/**
 * Return full digests in a pipe; on a terminal of 80 columns, kind and hexadecimal digits on separate lines.
 */
function digestRows(report: ModelListing): string[][] {
  return Object.entries(report.digests).flatMap(([name, digests]) =>
    listDigests(digests).map((digest) => [paint('bold', name), digest.toString()]),
  )
}
