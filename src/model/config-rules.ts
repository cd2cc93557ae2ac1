/**
 * Keys of a model's configuration that do not make it another model, as `docs/format.md` lists them. Both
 * lists are part of what an `architecture` digest means: a change here is a new version of that kind.
 */
export const CONFIG_RULES: { readonly ignoredKeys: readonly string[]; readonly sets: readonly string[] } = {
  /** Left out at every depth. */
  ignoredKeys: [
    '_name_or_path',
    'name_or_path',
    'base_model_name_or_path',
    '_commit_hash',
    'transformers_version',
    '_diffusers_version',
    'torch_dtype',
    'dtype',
  ],
  /** Arrays whose order means nothing. */
  sets: ['target_modules', 'modules_to_save', 'exclude_modules'],
}
