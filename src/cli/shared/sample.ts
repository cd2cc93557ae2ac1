/** `--sample` and its related options, for every command that can sample. */
import { InvalidArgumentError, Option } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { parseShare } from '../../hash/sample/share.ts'
import { wholeNumber } from './arguments.ts'
import { bytes, count, escapeText, printError } from './output.ts'
import type { Command } from 'commander'
import type { SampleOptions } from '../../hash/sample/options.ts'
import type { SampleReport } from '../../hash/sample/report.ts'

/** Values of the options. */
export interface SampleArguments {
  readonly sample?: Pick<SampleOptions, 'count' | 'share'>
  readonly sampleStrategy?: 'strided' | 'random' | 'blocks'
  readonly sampleSeed?: bigint
  readonly sampleAbove?: number
}

/** Add the options to a command. */
export function addSampleOptions(command: Command): Command {
  return command
    .option('--sample <amount>', 'read only this many units, or this share: 1000, 1/1000, 0.1%', parseAmount)
    .addOption(
      new Option('--sample-strategy <name>', 'how units are chosen (default: strided)').choices([
        'strided',
        'random',
        'blocks',
      ]),
    )
    .option('--sample-seed <number>', 'seed of the strategy random (default: 0)', parseSeed)
    .option(
      '--sample-above <units>',
      'read everything if there are at most this many units (default: 0)',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
}

/** Help on these options. */
export const SAMPLE_HELP = `
A sample reads blocks of 16,384 bytes of a file, elements of a tensor, or files of a folder; the first and the last
unit are always read. Its digest has the form sampled(...) and cannot be compared with a full digest.`

function parseAmount(text: string): Pick<SampleOptions, 'count' | 'share'> {
  const whole = Number(text)
  if (/^[0-9]+$/.test(text) && whole >= 1 && Number.isSafeInteger(whole)) return { count: whole }
  if (!/^[0-9]+$/.test(text) && parseShare(text) !== undefined) return { share: text }
  throw new InvalidArgumentError('Expected a number of units, or a share of them like 1/1000 or 0.1%.')
}

function parseSeed(text: string): bigint {
  if (/^[0-9]{1,20}$/.test(text) && BigInt(text) < 1n << 64n) return BigInt(text)
  throw new InvalidArgumentError('Expected a whole number from 0 to 2^64 - 1.')
}

/** Convert the arguments into the library's option `sample`; `undefined` if none is requested. */
export function toSample(given: SampleArguments): SampleOptions | undefined {
  const { sample, sampleStrategy: strategy, sampleSeed: seed, sampleAbove: above } = given
  if (sample !== undefined) return { ...sample, strategy, seed, above }
  for (const [option, value] of Object.entries({ strategy, seed, above })) {
    if (value === undefined) continue
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `--sample-${option} needs --sample`, {
      hint: 'add the amount to read, for example --sample 1/1000',
    })
  }
  return undefined
}

/** Refuse a sample of input that has to be read whole: standard input, a part, parts that are merged. */
export function refuseSample(sample: SampleOptions | undefined): void {
  if (sample === undefined) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'sampling is not supported for this input', {
    field: 'sample',
    expected: 'files and folders',
    received: 'standard input, a part or a merge',
  })
}

const WORDS: Readonly<Record<SampleReport['unit'], string>> = {
  'bytes/16384': 'blocks',
  element: 'elements',
  file: 'files',
}

/** Describe the extent of a sample. */
function readText({ unit, units, read, share, bytesRead, bytesTotal }: SampleReport): string {
  if (read === units) return `all of ${count(units)} ${WORDS[unit]}; the digest is a full digest`
  const part = `${Number((share * 100).toPrecision(3))} %`
  return `${count(read)} of ${count(units)} ${WORDS[unit]} (${part}), ${bytes(bytesRead)} of ${bytes(bytesTotal)}`
}

/** Describe the probability that a change is missed. */
function missText(report: SampleReport): string {
  const changes = [1, 100, 10_000].filter((changed) => changed <= report.units)
  const chances = changes.map(
    (changed) => `${percent(report.missProbability(changed))} for ${count(changed)}`,
  )
  return `${chances.join(', ')} changed ${WORDS[report.unit]}`
}

function percent(chance: number): string {
  if (chance > 0 && chance < 0.0001) return 'under 0.01 %'
  if (chance < 1 && chance > 0.9999) return 'over 99.99 %'
  return `${Number((chance * 100).toFixed(2))} %`
}

/** Report on stderr that a part was not read, if so: stdout has only the digest. */
export function printSample(path: string, report: SampleReport): void {
  if (report.read === report.units) return
  const text = `read ${readText(report)}; chance that a change is missed: ${missText(report)}`
  printError(`lineaprint: sample: ${escapeText(path)}: ${text}`)
}

/** Return the rows of a table about a report. */
export function sampleRows(report: SampleReport | undefined): string[][] {
  if (report === undefined) return []
  const rows = [['read', readText(report)]]
  return report.read === report.units ? rows : [...rows, ['missed', missText(report)]]
}
