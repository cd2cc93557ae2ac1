/** The form that signs in to the server of a team with a token. */
import { useState } from 'preact/hooks'
import { ApiError, signInTeam, signedInProjects } from './shared/api.ts'
import { Empty, Failure } from './shared/parts.tsx'
import { goToProject, linkedProject } from './shared/router.ts'
import { shown } from './shared/text.ts'

/** The form of a token. Another one is not sent: it may be a secret of another place. */
const TOKEN = /^lp_[A-Za-z0-9_-]{43}$/

function noToken({ length }: string): ApiError {
  return new ApiError(0, {
    code: 'ERR_LINEAPRINT_TOKEN',
    what: 'this is no token',
    where: 'Token',
    expected: 'lp_ and 43 characters after it',
    received: `${length} characters`,
    do: 'copy all that "lineaprint token create" printed',
  })
}

/** Ask for a token. The browser forgets it with the tab. @param onDone Called with the project of the token. */
export function SignIn({
  reason,
  onDone,
  onCancel,
}: {
  /** Why the token that this tab has is not enough. */
  readonly reason?: string | undefined
  readonly onDone: (project: string) => void
  readonly onCancel?: (() => void) | undefined
}) {
  const [token, setToken] = useState('')
  const [error, setError] = useState<unknown>()
  const project = linkedProject()
  const others = signedInProjects().filter((name) => name !== project)
  const send = (event: Event): void => {
    event.preventDefault()
    setError(undefined)
    if (TOKEN.test(token.trim())) signInTeam(token.trim()).then(onDone, setError)
    else setError(noToken(token.trim()))
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
          {onCancel !== undefined && (
            <button type="button" class="button" onClick={onCancel}>
              Cancel
            </button>
          )}
        </form>
        {reason !== undefined && <p class="bad">{shown(reason)}</p>}
        {onCancel === undefined && project !== undefined && (
          <p>
            This link is of the project <b>{shown(project, 80)}</b>.
          </p>
        )}
        {onCancel === undefined && others.length > 0 && (
          <p>
            This tab is signed in to{' '}
            {others.map((name, index) => (
              <>
                {index > 0 && ', '}
                <button type="button" class="link" onClick={() => goToProject(name)}>
                  {shown(name, 80)}
                </button>
              </>
            ))}
            .
          </p>
        )}
        {onCancel !== undefined && (
          <p>Each token is of one project. Those that you have signed in to stay.</p>
        )}
        <p>Whoever runs the server makes tokens with the command "lineaprint token create".</p>
      </Empty>
      {error !== undefined && <Failure error={error} />}
    </main>
  )
}
