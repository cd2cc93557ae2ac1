/** `lineaprint dataset`: what a dataset holds. */
import { Command } from 'commander'
import { listDigests } from '../digest.ts'
import { readDataset } from '../dataset/read.ts'
import { algorithmOption, threadsOption } from './arguments.ts'
import {
  bytes,
  count,
  escapeText,
  isTerminal,
  paint,
  print,
  printError,
  printJson,
  progressLine,
  table,
} from './output.ts'
import type { HashArguments } from './arguments.ts'
import type { CommandContext, CommonOptions } from './context.ts'

interface Options extends HashArguments, CommonOptions {}

/** The command. */
export function command(context: CommandContext): Command {
  return new Command('dataset')
    .argument('<path>', 'a file or a folder')
    .addOption(algorithmOption())
    .addOption(threadsOption())
    .addHelpText('after', '\nExample:\n  lineaprint dataset data/train')
    .action((path: string, options: Options) => dataset(path, options, context))
}

async function dataset(path: string, options: Options, context: CommandContext): Promise<void> {
  const progress = progressLine('hashing')
  const { algorithm, threads } = options
  const report = await readDataset(path, {
    algorithm,
    threads,
    signal: context.signal,
    onProgress: progress.onProgress,
  }).finally(progress.end)
  if (options.json === true) return printJson(report)
  for (const warning of report.warnings) printError(`lineaprint: warning: ${escapeText(warning)}`)
  print(
    table([
      ...listDigests(report.digests).map((digest) => [paint('bold', 'digest'), digest.toString()]),
      ['kind', report.kind],
      ['path', escapeText(report.path ?? '')],
      ['size', isTerminal() ? bytes(report.bytes) : String(report.bytes)],
      ...(report.files === undefined
        ? []
        : [
            ['files', count(report.files)],
            ['folders', count(report.folders ?? 0)],
          ]),
    ]),
  )
}
