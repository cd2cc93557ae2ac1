/** Messages about a database tell neither its user nor its password. */
import { Client } from 'pg'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { checkAddress, driverAddress, withoutCredentials } from '../../../src/database/team/address.ts'

const ADDRESS = checkAddress('postgres://ada%20l:s%3Acret@db/runs?password=second&sslpassword=third')

describe('withoutCredentials', () => {
  test.each([
    ['role "ada l" does not exist', 'role "<redacted>" does not exist'],
    ['le rôle « ada l » n’existe pas', 'le rôle « <redacted> » n’existe pas'],
    ['die Rolle »ada l« existiert nicht', 'die Rolle »<redacted>« existiert nicht'],
    ['tried s:cret, s%3Acret, second and third', 'tried <redacted>, <redacted>, <redacted> and <redacted>'],
    [`no answer from ${ADDRESS.whole}`, 'no answer from postgres://db/runs'],
    ['the ada l of a sentence', 'the ada l of a sentence'],
  ])('%s', (text, expected) => {
    expect(withoutCredentials(text, ADDRESS)).toBe(expected)
  })
})

describe('driverAddress', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test.each(['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'])(
    'sslmode=%s means what it means to pg, without a warning',
    (mode) => {
      const whole = `postgres://ada:s%3Acret@db:5433/runs?sslmode=${mode}&application_name=a%20b`
      const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
      const own = optionsOf(driverAddress(checkAddress(whole)))
      expect(warn).not.toHaveBeenCalled()
      expect(own).toStrictEqual(optionsOf(whole))
    },
  )

  test('an address without the option stays as it is', () => {
    expect(driverAddress(ADDRESS)).toBe(ADDRESS.whole)
  })
})

function optionsOf(connectionString: string): unknown {
  const { user, password, host, port, database, ssl } = new Client({ connectionString })
  return { user, password, host, port, database, ssl }
}
