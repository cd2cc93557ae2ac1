/** Trainers of libraries, and notebooks. */
import { expect, test } from 'vitest'
import { expectedOf, outcomeOf } from './style.ts'
import { SLOW } from './support.ts'
import type { Style } from './style.ts'

const TRAINER =
  'python run_lm.py --output_dir out --max_steps 4 --save_steps 2 --per_device_train_batch_size 8 --eval_strategy steps --eval_steps 2 --logging_steps 1 --report_to tensorboard --use_cpu true'

const SFT =
  'python sft.py --output_dir out --max_steps 2 --save_steps 1 --per_device_train_batch_size 8 --logging_steps 1 --report_to none --use_cpu true --bf16 false'

/** On a busy machine, nbclient ends the kernel before it has reported its name. */
const KERNEL = expect.stringMatching(/^(?:ipykernel_launcher\.py)?$/) as string

/** Metrics that have as many values. */
function named(prefix: string, names: readonly string[], count: number): Record<string, number> {
  return Object.fromEntries(names.map((name) => [`${prefix}${name}`, count]))
}

/** What the Trainer saves of a model. */
const SAVED = [/^out\/model\.safetensors$/, /^out\/training_args\.bin$/]

/** The model files of a checkpoint. */
function checkpoint(name: string): RegExp[] {
  return ['model.safetensors', 'optimizer.pt', 'rng_state.pth', 'scheduler.pt', 'training_args.bin'].map(
    (file) => new RegExp(`^out/${name}/${file.replace('.', '\\.')}$`),
  )
}

const STYLES: readonly Style[] = [
  {
    name: 'the Trainer of transformers, with checkpoints and TensorBoard',
    program: 'trainer',
    command: `${TRAINER} --seed 11`,
    output: 'out',
    model: [/^out\/model\.safetensors$/, /^out\/checkpoint-2\/model\.safetensors$/],
    programs: [{ script: 'run_lm.py', ownSeeds: { numpy: '11', random: '11', torch: '11' } }],
    other: `${TRAINER} --seed 12`,
    differing: [
      /^outputs\.out\.tensors\.transformer\.h\.0\.attn\.c_attn\.weight$/,
      /^outputs\.out\.files\.checkpoint-2\/model\.safetensors$/,
    ],
    detail:
      /left out: \d+ volatile files \(runs\/\w{5}_.*volatile fields of all_results\.json, checkpoint-2\/trainer_state\.json/,
    seen: {
      metrics: Object.fromEntries(
        Object.entries({
          loss: 4,
          grad_norm: 4,
          learning_rate: 4,
          // Once more at the end.
          ...named('eval_', ['loss', 'runtime', 'samples_per_second', 'steps_per_second'], 3),
          ...named('train_', ['loss', 'runtime', 'samples_per_second', 'steps_per_second'], 1),
          total_flos: 1,
          epoch: 8,
        }).map(([name, count]) => [name, [count, 4, ['transformers', 'tensorboard']]]),
      ),
      parameters: expect.objectContaining({
        rows: [48, 'argparse'],
        seed: [11, 'argparse', 'transformers'],
        learning_rate: [0.00005, 'argparse', 'transformers'],
        max_steps: [4, 'argparse', 'transformers'],
        per_device_train_batch_size: [8, 'argparse', 'transformers'],
      }),
      modelFiles: [...checkpoint('checkpoint-2'), ...checkpoint('checkpoint-4'), ...SAVED],
    },
  },
  {
    name: 'the SFTTrainer of TRL, with a tokenizer',
    program: 'sft',
    command: `${SFT} --seed 11`,
    output: 'out',
    model: [/^out\/model\.safetensors$/, /^out\/checkpoint-1\/model\.safetensors$/],
    programs: [{ script: 'sft.py', ownSeeds: { numpy: '11', random: '11', torch: '11' } }],
    drawn: ['random'],
    other: `${SFT} --seed 12`,
    differing: [/^outputs\.out\.tensors\.transformer\.wte\.weight$/],
    detail: /./,
    seen: {
      metrics: Object.fromEntries(
        Object.entries({
          ...named(
            '',
            ['loss', 'grad_norm', 'learning_rate', 'entropy', 'mean_token_accuracy', 'num_tokens'],
            2,
          ),
          ...named('train_', ['loss', 'runtime', 'samples_per_second', 'steps_per_second'], 1),
          total_flos: 1,
          epoch: 3,
        }).map(([name, count]) => [name, [count, 2, ['transformers']]]),
      ),
      parameters: expect.objectContaining({
        seed: [11, 'argparse', 'transformers'],
        max_steps: [2, 'argparse', 'transformers'],
        max_length: [1024, 'argparse', 'transformers'],
      }),
      // The tokenizer is none by its extension.
      modelFiles: [...checkpoint('checkpoint-1'), ...checkpoint('checkpoint-2'), ...SAVED],
    },
  },
  {
    name: 'Lightning with the settings and the folders of Hydra',
    program: 'lightning',
    command: 'python train.py',
    output: 'logs',
    model: [/^logs\/train\/runs\/[-_\d]+\/csv\/version_0\/metrics\.csv$/],
    programs: [{ script: 'train.py', ownSeeds: { numpy: '12345', random: '12345', torch: '12345' } }],
    drawn: ['random'],
    other: 'python train.py seed=1',
    differing: [/^outputs\.logs\.files\.train\/runs\/[-_\d]+\/checkpoints\/last\.ckpt$/],
    detail: /left out: 2 volatile files .*\.hydra\/hydra\.yaml.*times in the paths of 9 files$/,
    seen: {
      metrics: {
        'train/loss': [6, 5, ['lightning', 'tensorboard']],
        'val/loss': [2, 5, ['lightning', 'tensorboard']],
        epoch: [8, 5, ['lightning', 'tensorboard']],
        hp_metric: [1, null, ['tensorboard']],
      },
      parameters: {
        seed: [12345, 'hydra'],
        'paths.root': ['${hydra:runtime.cwd}', 'hydra'],
        'paths.output': ['${hydra:runtime.output_dir}', 'hydra'],
        'model.width': [8, 'hydra'],
        'model.rate': [0.05, 'hydra'],
        'trainer.max_epochs': [2, 'hydra'],
        width: [8, 'lightning'],
        rate: [0.05, 'lightning'],
      },
      modelFiles: ['epoch_001', 'last'].map(
        (name) => new RegExp(`^logs/train/runs/[-_\\d]+/checkpoints/${name}\\.ckpt$`),
      ),
    },
  },
  {
    name: 'Lightning with its defaults',
    program: 'lightning',
    command: 'python plain.py',
    output: 'lightning_logs',
    model: [],
    programs: [{ script: 'plain.py', ownSeeds: {} }],
    differing: [/^outputs\.lightning_logs\.files\.version_0\/checkpoints\/epoch=1-step=8\.ckpt$/],
    detail: /left out: 2 volatile files/,
    seen: {
      metrics: {
        loss: [8, 7, ['lightning', 'tensorboard']],
        epoch: [8, 7, ['lightning', 'tensorboard']],
        hp_metric: [1, null, ['tensorboard']],
      },
      parameters: { rate: [0.1, 'lightning'] },
      modelFiles: [/^lightning_logs\/version_0\/checkpoints\/epoch=1-step=8\.ckpt$/],
    },
  },
  {
    name: 'a notebook that nbconvert executes',
    program: 'notebook',
    command: 'jupyter nbconvert --to notebook --execute train.ipynb --output-dir out',
    output: 'out',
    model: [],
    programs: [
      { script: 'jupyter-nbconvert', ownSeeds: {} },
      { script: KERNEL, ownSeeds: {} },
    ],
    differing: [/^outputs\.out\.tensors\.weight$/],
    detail: /left out: volatile fields of train\.ipynb$/,
    // What a cell computes is in the notebook that is written.
    seen: { modelFiles: [/^out\/model\.safetensors$/] },
  },
  {
    name: 'a notebook that papermill executes',
    program: 'notebook',
    command: 'sh run.sh',
    output: 'out',
    model: [],
    programs: [
      { script: 'papermill', ownSeeds: {} },
      { script: KERNEL, ownSeeds: {} },
    ],
    differing: [/^outputs\.out\.tensors\.weight$/],
    detail: /left out: volatile fields of train\.ipynb$/,
    // What a cell computes is in the notebook that is written.
    seen: {
      parameters: { steps: [20, 'papermill'] },
      modelFiles: [/^out\/model\.safetensors$/],
    },
  },
]

test.each(STYLES.map((style) => [style.name, style] as const))('%s', SLOW, async (_, style) => {
  expect(await outcomeOf(style)).toEqual(expectedOf(style))
})
