/** Comparison of the current command with the recorded one. */
import { redactArguments, REDACTED } from '../secrets/redact.ts'
import { plural } from '../util/plural.ts'
import { item } from '../compare/check-item.ts'
import type { Difference } from '../core/component.ts'
import type { RunRecord } from '../record/record.ts'
import type { CheckedItem } from '../compare/check-item.ts'

/**
 * Compare program and arguments, one by one. The record holds no secrets: if an argument contained one, only
 * the other parts are compared.
 *
 * @param argv The current command; if absent, the item is not checked.
 */
export function verifyCommand({ command }: RunRecord, argv: readonly string[] | undefined): CheckedItem[] {
  if (argv === undefined) return [item('command', 'argv', 'not-checked', 'no command to compare with')]
  const [recorded, current] = [command.argv, redactArguments(argv)]
  const differences: Difference[] = []
  for (let index = 0; index < Math.max(recorded.length, current.length); index++) {
    const [before, after] = [recorded[index], current[index]]
    // A run can keep secrets, and an earlier version recognised fewer.
    if (before === after || before === argv[index]) continue
    const field = `argv.${index}`
    differences.push({
      field,
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
    })
  }
  if (differences.length > 0) {
    const [first] = differences
    const shown = `${first?.field}: ${first?.before ?? 'nothing'} → ${first?.after ?? 'nothing'}`
    return [item('command', 'argv', 'changed', shown, differences)]
  }
  const secrets = recorded.filter((argument) => argument.includes(REDACTED)).length
  if (secrets === 0) return [item('command', 'argv', 'same')]
  const detail = `the secret parts of ${plural(secrets, 'argument')} are not recorded`
  return [item('command', 'argv', 'same'), item('command', 'secrets', 'not-checked', detail)]
}
