/** The form that signs in to the server of a team with a token. */
import { useState } from 'preact/hooks'
import { signInTeam } from './shared/api.ts'
import { Empty, Failure } from './shared/parts.tsx'

/** Ask for a token. The browser forgets it with the tab. */
export function SignIn({ onDone }: { readonly onDone: () => void }) {
  const [token, setToken] = useState('')
  const [error, setError] = useState<unknown>()
  const send = (event: Event): void => {
    event.preventDefault()
    setError(undefined)
    signInTeam(token.trim()).then(onDone, setError)
  }
  return (
    <main class="narrow">
      <Empty title="Sign in">
        <form class="sign-in" onSubmit={send}>
          <label>
            Token
            <input
              type="password"
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
              placeholder="lp_…"
              autocomplete="off"
              spellcheck={false}
            />
          </label>
          <button type="submit" class="button button-main" disabled={token.trim() === ''}>
            Sign in
          </button>
        </form>
        <p>An admin of the project makes tokens with the command "lineaprint token create".</p>
      </Empty>
      {error !== undefined && <Failure error={error} />}
    </main>
  )
}
