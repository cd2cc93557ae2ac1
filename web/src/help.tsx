/** The keys of the page. */
import { useEffect, useRef } from 'preact/hooks'

const KEYS = [
  ['/', 'write a filter'],
  ['j  k', 'next, previous run'],
  ['enter', 'open the run'],
  ['x', 'choose the run for a comparison'],
  ['c', 'compare the chosen runs'],
  ['v', 'verify the run that is open'],
  ['g  m  d', 'go to the runs, models, datasets'],
  ['l', 'lineage of the run, model or dataset that is open'],
  ['t', 'system, light or dark'],
  ['?', 'these keys'],
] as const

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
        <dl class="keys">
          {KEYS.map(([key, words]) => (
            <div key={key}>
              <dt>
                {key.split('  ').map((one) => (
                  <kbd key={one}>{one}</kbd>
                ))}
              </dt>
              <dd>{words}</dd>
            </div>
          ))}
        </dl>
        <p class="dim">
          Filter as in <code>lineaprint list --where</code>:{' '}
          <code>metrics.loss &lt; 0.3 and params.lr = 0.01 and tags has "base"</code>
        </p>
        <p class="dim">
          In pictures, a drag zooms and a double click shows all. All that a view shows is in its address.
        </p>
      </div>
    </dialog>
  )
}
