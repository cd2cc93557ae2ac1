/** What a run says of its seeds, for `lineaprint show`: a line for each thing. */
import { fieldText } from '../../../json/copy.ts'
import type { JsonObject, JsonValue } from '../../../core/json-value.ts'
import type { RunRecord } from '../../../record/record.ts'

/** Programs that are shown; `--json` has more. */
const SHOWN = 4

/** Names and texts. Records may come from strangers: what is not as it should be is left out. */
export function describeSeeds(record: RunRecord): [name: string, text: string][] {
  const capture = record.captures['seeds']
  if (capture?.status !== 'captured') return []
  const { seed, source, python } = capture.value
  const { deterministic, replaceMathRandom } = objectOf(record.configuration['seeds'])
  const asked = [
    ...(deterministic === true ? ['deterministic results asked for'] : []),
    ...(replaceMathRandom === true ? ['Math.random replaced in Node programs'] : []),
  ]
  const from = source === 'LINEAPRINT_SEED' ? ', from LINEAPRINT_SEED' : ''
  return [
    ...(typeof seed === 'number' ? [['seed', `${seed}${from}`] as [string, string]] : []),
    ...(asked.length > 0 ? [['asked', asked.join(', ')] as [string, string]] : []),
    ...describePython(objectOf(python)),
  ]
}

function describePython({ status, reason, programs, unlisted }: JsonObject): [string, string][] {
  if (status === undefined) return []
  if (status !== 'reached') return [['python', `not reached: ${fieldText(reason)}`]]
  const all = arrayOf(programs).map(objectOf)
  const count = all.length + (typeof unlisted === 'number' ? unlisted : 0)
  const rest = count - Math.min(SHOWN, all.length)
  return [
    ...all.slice(0, SHOWN).flatMap(describeProgram),
    ...(rest > 0
      ? [['', `${rest} more Python ${rest === 1 ? 'process' : 'processes'}`] as [string, string]]
      : []),
  ]
}

function describeProgram(program: JsonObject): [string, string][] {
  const { number, kind, script, version, seed, origin, states, hasEnded } = program
  const targets = arrayOf(program['targets']).map(objectOf)
  const named = (...statuses: string[]): string =>
    targets
      .filter(({ status }) => statuses.includes(fieldText(status)))
      .map(({ name }) => fieldText(name))
      .join(', ')
  const origins: Readonly<Record<string, string>> = {
    run: 'of the run',
    set_seeds: 'by set_seeds',
    derived: 'from its place',
  }
  const facts = [
    kind === 'program' ? '' : fieldText(kind),
    fieldText(script),
    `Python ${fieldText(version)}`,
    typeof seed === 'number' ? `seed ${seed} ${origins[fieldText(origin)] ?? ''}`.trim() : 'no seed',
    arrayOf(states).length === 0 ? '' : `${arrayOf(states).length} saved states`,
    hasEnded === true || kind !== 'program' ? '' : 'did not say its end',
  ]
  const lines: [string, string][] = [
    [`python ${fieldText(number)}`, facts.filter((fact) => fact !== '').join(', ')],
    ['  seeded', named('seeded')],
    ['  recorded', named('recorded')],
    ['  own seeds', named('own-seed')],
    ['  missed', named('unreachable')],
  ]
  return lines.filter(([, text]) => text !== '')
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

function arrayOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : []
}
