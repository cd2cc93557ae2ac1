/** A button that saves a file of a run on the disk of the user. */
import { useState } from 'preact/hooks'
import { saveFile } from '../shared/api.ts'
import { shown } from '../shared/text.ts'
import type { FileOfRun } from '../shared/api.ts'

interface SaveProps {
  readonly id: string
  readonly file: FileOfRun
  readonly title: string
  /** Words beside the arrow. */
  readonly text: string
}

/** The button. What the server refuses is said beside it. */
export function SaveButton({ id, file, title, text }: SaveProps) {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const save = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      await saveFile(id, file)
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <button
        type="button"
        class="button small"
        title={title}
        aria-label={`${title}, ${text}`}
        disabled={isBusy}
        onClick={() => void save()}
      >
        <span aria-hidden="true">↓</span> {text}
      </button>
      {error !== undefined && (
        <span class="bad" role="alert">
          {' '}
          {shown(error instanceof Error ? error.message : 'it could not be saved', 300)}
        </span>
      )}
    </>
  )
}
