/** The annotations of a run, as `lineaprint show` tells them apart from its record. */
import { labelsOf, readAnnotations } from '../../../store/annotations.ts'
import { localTime } from '../../shared/time.ts'
import type { Annotation, Annotations, RunLabels } from '../../../store/annotations.ts'
import type { StoredRun } from '../../../store/runs.ts'

/** The annotations of a run, and what they make of its labels. */
export interface ShownAnnotations extends Annotations {
  readonly labels: RunLabels
}

/** Read the annotations of a run; `undefined` if it has none. */
export async function annotationsOf({ folder, record }: StoredRun): Promise<ShownAnnotations | undefined> {
  const annotations = await readAnnotations(folder)
  if (annotations.entries.length + annotations.problems.length === 0) return undefined
  return { ...annotations, labels: labelsOf(record, annotations) }
}

/** Describe annotations as names and texts. */
export function describeAnnotations(shown: ShownAnnotations | undefined): (readonly [string, string])[] {
  if (shown === undefined) return []
  const { entries, problems, labels } = shown
  const { runName, tags, isArchived } = labels
  return [
    ['name now', entries.some(({ name }) => name !== undefined) ? (runName ?? '') : ''],
    ['tags now', entries.some(hasTags) ? (tags.length === 0 ? 'none' : tags.join(', ')) : ''],
    ['archived', isArchived ? 'yes' : ''],
    ...entries.map(
      (entry) => ['entry', `${changeText(entry)} (${entry.author}, ${localTime(entry.time)})`] as const,
    ),
    ...problems.map((problem) => ['problem', problem] as const),
  ]
}

/** Title of the section. Nobody can tell who wrote the files. */
export const ANNOTATIONS_TITLE = 'Annotations (not part of the record; time and author are not verified)'

function hasTags({ addTags, removeTags }: Annotation): boolean {
  return addTags !== undefined || removeTags !== undefined
}

function changeText({ addTags = [], removeTags = [], name, note, archived }: Annotation): string {
  return [
    ...addTags.map((tag) => `+${tag}`),
    ...removeTags.map((tag) => `-${tag}`),
    ...(name === undefined ? [] : [`name ${JSON.stringify(name)}`]),
    ...(archived === undefined ? [] : [archived ? 'archived' : 'not archived']),
    ...(note === undefined ? [] : [note]),
  ].join('; ')
}
