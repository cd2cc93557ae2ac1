/**
 * Programs that report metrics and parameters to the real libraries, and know nothing of lineaprint: what they print is
 * the same with a run and without, and the run has their values.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ACTIVATED, PYTHON, SLOW, inProject, parametersIn, project, recordOf, seriesIn } from './support.ts'
import type { RunRecord } from '../../src/record/record.ts'

const execute = promisify(execFile)

/** Environment of every program here. */
const ENVIRONMENT = { KERAS_BACKEND: 'jax' }

/** Runs a program alone and as the command of a run, compares what it prints, and returns the record. */
async function recorded(script: string, args: readonly string[] = []): Promise<RunRecord> {
  const command = [script, ...args]
  const alone = await execute(PYTHON, command, {
    cwd: project('reported'),
    env: { ...process.env, ...ACTIVATED, ...ENVIRONMENT },
  })
  const root = project('reported')
  const run = await inProject(root, ['run', '--name', 'run', '--', PYTHON, ...command], ENVIRONMENT)
  expect(run.code, run.stderr).toBe(0)
  expect(withoutDurations(run.stdout)).toEqual(withoutDurations(alone.stdout))
  expect(run.stderr).toContain('recorded what the program reports')
  const record = recordOf(root, 'run')
  expect(record.warnings).toEqual([])
  return record
}

/** The Trainer prints how long it took. */
function withoutDurations(text: string): string {
  return text.replaceAll(/('\w*(?:runtime|per_second)': )'[^']*'/g, '$1')
}

test('the document names the versions that are tested', () => {
  const pins = new Set(readFileSync('scripts/peers/frameworks.txt', 'utf8').split('\n'))
  const named = readFileSync('docs/reported.md', 'utf8').match(/[\w-]+==[\d.]*\d/g) ?? []
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter((pin) => !pins.has(pin))).toEqual([])
})

test('writers of PyTorch and tensorboardX, and argparse', SLOW, async () => {
  const record = await recorded('writers.py', ['--lr', '0.2'])
  expect(seriesIn(record)).toEqual({
    loss: [5, 4, ['tensorboard', 'tensorboardx']],
    'loss (tensorboard 2)': [5, 4, ['tensorboard 2']],
    'both/a': [5, 4, ['tensorboard 2']],
    'both/b': [5, 4, ['tensorboard 2']],
    final: [1, null, ['tensorboard 3']],
  })
  expect(record.metrics['both/b']).toMatchObject({ first: 2.5, last: 2.5 })
  expect(parametersIn(record)).toEqual({
    lr: [0.2, 'argparse', 'tensorboard'],
    layers: [[3, 1], 'argparse'],
    api_key: ['<redacted>', 'argparse'],
    batch: [64, 'tensorboard'],
  })
})

test.each(['offline', 'disabled'])('wandb %s together with MLflow', SLOW, async (mode) => {
  const record = await recorded('trackers.py', [mode])
  expect(seriesIn(record)).toEqual({
    loss: [4, 3, ['wandb', 'mlflow']],
    'loss (mlflow 2)': [1, 0, ['mlflow 2']],
    only: [4, 3, ['wandb']],
    'group.value': [4, 3, ['wandb']],
    // By the step metric that the program defined.
    accuracy: [2, 1, ['wandb', 'mlflow']],
    nan: [2, 1, ['mlflow']],
    late: [1, 40, ['wandb']],
    single: [1, 0, ['mlflow']],
  })
  expect(record.metrics['loss']).toMatchObject({ first: 1, last: 0.25 })
  expect(parametersIn(record)).toEqual({
    lr: [0.1, 'wandb', 'mlflow'],
    'model.width': [8, 'wandb'],
    'model.hf_token': ['<redacted>', 'wandb'],
    epochs: [2, 'wandb', 'mlflow'],
    batch: [16, 'wandb'],
    'batch (mlflow)': ['32', 'mlflow'],
  })
})

test('Trainer, with the names that it uses itself', SLOW, async () => {
  const record = await recorded('trainer.py', ['tensorboard', 'wandb', 'mlflow'])
  const all = ['transformers', 'tensorboard', 'wandb', 'mlflow']
  const series = seriesIn(record)
  expect(series).toMatchObject({
    loss: [4, 4, expect.arrayContaining(all)],
    learning_rate: [4, 4, expect.arrayContaining(all)],
    eval_loss: [2, 4, expect.arrayContaining(all)],
    // To wandb these are no metrics, but parts of its summary.
    train_loss: [1, 4, expect.arrayContaining(['transformers', 'tensorboard', 'mlflow'])],
  })
  expect(Object.keys(series).filter((name) => name.includes('/') || name.includes('('))).toEqual([])
  const { learning_rate, max_steps, report_to } = parametersIn(record)
  expect([learning_rate?.slice(0, 2), max_steps?.slice(0, 2), report_to?.slice(0, 2)]).toEqual([
    [0.01, 'transformers'],
    [4, 'transformers'],
    [['tensorboard', 'wandb', 'mlflow'], 'transformers'],
  ])
})

test('Lightning with two loggers, and Fabric', SLOW, async () => {
  const record = await recorded('modules.py')
  expect(seriesIn(record)).toEqual({
    train_loss: [4, 7, ['lightning', 'tensorboard']],
    epoch: [6, 7, ['lightning', 'tensorboard']],
    val_loss: [2, 7, ['lightning', 'tensorboard']],
    hp_metric: [1, null, ['tensorboard']],
    fabric_loss: [3, 2, ['lightning 2']],
  })
  expect(parametersIn(record)).toEqual({ lr: [0.05, 'lightning'], width: [3, 'lightning'] })
})

test('XGBoost and LightGBM: training, estimators, cross-validation', SLOW, async () => {
  const record = await recorded('boosting.py')
  expect(seriesIn(record)).toEqual({
    'train-logloss': [4, 3, ['xgboost']],
    'test-logloss': [4, 3, ['xgboost']],
    'validation_0-logloss': [3, 2, ['xgboost 2']],
    ...Object.fromEntries(
      ['train', 'test'].flatMap((data) =>
        ['mean', 'std'].map((part) => [`${data}-logloss-${part}`, [2, 1, ['xgboost 3']]] as const),
      ),
    ),
    'held-binary_logloss': [5, 4, ['lightgbm']],
    'quiet-binary_logloss': [2, 1, ['lightgbm 2']],
    'valid binary_logloss-mean': [3, 2, ['lightgbm 3']],
    'valid binary_logloss-stdv': [3, 2, ['lightgbm 3']],
  })
  const ofLightgbm = ['lightgbm', 'lightgbm 2', 'lightgbm 3']
  expect(parametersIn(record)).toEqual({
    objective: ['binary:logistic', 'xgboost', 'xgboost 2', 'xgboost 3'],
    nthread: [1, 'xgboost', 'xgboost 3'],
    seed: [0, 'xgboost', 'xgboost 3', ...ofLightgbm],
    num_boost_round: [4, 'xgboost'],
    'num_boost_round (xgboost 2)': [3, 'xgboost 2'],
    'num_boost_round (xgboost 3)': [2, 'xgboost 3'],
    // What was not given to the estimator is left out.
    n_jobs: [1, 'xgboost 2'],
    random_state: [0, 'xgboost 2'],
    'objective (lightgbm)': ['binary', ...ofLightgbm],
    num_threads: [1, ...ofLightgbm],
    verbose: [-1, ...ofLightgbm],
    deterministic: [true, ...ofLightgbm],
    metric: ['binary_logloss', ...ofLightgbm],
    num_iterations: [5, 'lightgbm'],
    'num_iterations (lightgbm 2)': [2, 'lightgbm 2'],
    'num_iterations (lightgbm 3)': [3, 'lightgbm 3'],
  })
})

test('Keras: the history of each model', SLOW, async () => {
  const record = await recorded('network.py')
  expect(seriesIn(record)).toEqual({
    loss: [3, 2, ['keras']],
    'loss (keras 2)': [1, 0, ['keras 2']],
    mae: [3, 2, ['keras']],
    'mae (keras 2)': [1, 0, ['keras 2']],
    val_loss: [2, 1, ['keras']],
    val_mae: [2, 1, ['keras']],
  })
})

test('Hydra and OmegaConf', SLOW, async () => {
  expect(parametersIn(await recorded('composed.py', ['model.width=9']))).toEqual({
    lr: [0.1, 'hydra'],
    total: [6, 'hydra'],
    twice: [9, 'hydra'],
    missing: ['???', 'hydra'],
    api_key: ['<redacted>', 'hydra'],
    'model.width': [9, 'hydra'],
    'model.layers': [[1, 2], 'hydra'],
  })
  expect(parametersIn(await recorded('merged.py', ['width=3']))).toEqual({
    width: [3, 'omegaconf'],
    layers: [[1, 2], 'omegaconf'],
    depth: [2, 'omegaconf'],
  })
})
