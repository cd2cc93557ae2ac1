/** The keys of the page. */
import { useEffect, useRef } from 'preact/hooks'
import { KEYS, signOf } from './shared/keys.ts'

/** The dialog with the keys. */
export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-labelledby="help-title"
      onClose={onClose}
      onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
    >
      <div class="help-body">
        <header class="section-head">
          <h2 id="help-title">Keys</h2>
          <button
            type="button"
            class="icon-button"
            aria-label="Close"
            onClick={() => dialog.current?.close()}
          >
            ×
          </button>
        </header>
        <div class="key-groups">
          {KEYS.map(({ where, keys }) => (
            <section key={where} aria-label={where}>
              <h3>{where}</h3>
              <dl class="keys">
                {keys.map(([names, words]) => (
                  <div key={words}>
                    <dt>
                      {names.map((name) => (
                        <kbd key={name}>{signOf(name)}</kbd>
                      ))}
                    </dt>
                    <dd>{words}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
        <p class="dim">
          Filter as in <code>lineaprint list --where</code>:{' '}
          <code>metrics.loss &lt; 0.3 and params.lr = 0.01 and tags has "base"</code>
        </p>
        <p class="dim">
          In pictures, a drag zooms and a double click shows all. What a view shows is in its address, so the
          browser goes back to it.
        </p>
      </div>
    </dialog>
  )
}
