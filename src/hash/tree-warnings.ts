/** Warnings about folders, as sentences. */

/** The meaning of each warning about a folder, in a sentence. */
export const WARNINGS: Readonly<Record<string, string>> = {
  'link-leaves-root': 'the link leads out of the folder',
  'name-not-unicode': 'the name is not UTF-8',
  'names-collide': 'another name differs only in case or Unicode normalisation',
  'download-state-skipped': 'the state of a Hugging Face download was skipped',
}
