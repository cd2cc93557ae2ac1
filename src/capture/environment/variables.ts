/**
 * Environment variables, by an allow-list: what is not on it is not even counted. Names that secrets stand under
 * are not on it, and values that look like secrets are replaced all the same.
 */
import { redactText } from '../redact.ts'
import { words } from '../words.ts'
import type { Source } from './source.ts'

/** Variables that can change what a program computes. They count. */
export const HASHED_VARIABLES: readonly string[] = words(`
  CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER CUDA_LAUNCH_BLOCKING CUDA_MODULE_LOADING CUBLAS_WORKSPACE_CONFIG
  NVIDIA_TF32_OVERRIDE NVIDIA_VISIBLE_DEVICES TORCH_ALLOW_TF32_CUBLAS_OVERRIDE PYTORCH_CUDA_ALLOC_CONF
  PYTORCH_ENABLE_MPS_FALLBACK TORCHDYNAMO_DISABLE TF_DETERMINISTIC_OPS TF_CUDNN_DETERMINISTIC
  TF_ENABLE_ONEDNN_OPTS TF_XLA_FLAGS XLA_FLAGS JAX_ENABLE_X64 JAX_PLATFORMS JAX_DEFAULT_MATMUL_PRECISION
  JAX_DEFAULT_PRNG_IMPL HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES HSA_OVERRIDE_GFX_VERSION NCCL_ALGO NCCL_PROTO
  OMP_NUM_THREADS OMP_DYNAMIC OMP_SCHEDULE MKL_NUM_THREADS MKL_DYNAMIC MKL_CBWR OPENBLAS_NUM_THREADS
  OPENBLAS_CORETYPE BLIS_NUM_THREADS NUMEXPR_NUM_THREADS VECLIB_MAXIMUM_THREADS TOKENIZERS_PARALLELISM
  WORLD_SIZE LOCAL_WORLD_SIZE UV_THREADPOOL_SIZE NODE_ENV TZ LANG LC_ALL LC_NUMERIC LC_COLLATE LC_CTYPE
  PYTHONOPTIMIZE PYTHONUTF8 PYTHONIOENCODING PYTHONNOUSERSITE HF_HUB_OFFLINE HF_DATASETS_OFFLINE
  TRANSFORMERS_OFFLINE
`)

/** Variables that say who, where and which: recorded, but another job or folder is the same environment. */
export const RECORDED_VARIABLES: readonly string[] = words(`
  PYTHONHASHSEED LINEAPRINT_SEED PL_GLOBAL_SEED NODE_OPTIONS PYTHONPATH VIRTUAL_ENV CONDA_DEFAULT_ENV
  CONDA_PREFIX HF_HOME TORCH_HOME RANK LOCAL_RANK NODE_RANK GROUP_RANK MASTER_ADDR MASTER_PORT
  SLURM_JOB_ID SLURM_JOB_NAME SLURM_JOB_PARTITION SLURM_JOB_NUM_NODES SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID
  SLURM_PROCID SLURM_LOCALID SLURM_NODEID SLURM_NTASKS SLURM_CPUS_PER_TASK SLURM_GPUS SLURM_JOB_GPUS
  OMPI_COMM_WORLD_RANK OMPI_COMM_WORLD_SIZE OMPI_COMM_WORLD_LOCAL_RANK PBS_JOBID LSB_JOBID JOB_ID CI
`)

/** The variables of the two lists that are set. */
export const variablesSource: Source = {
  name: 'variables',
  look: async ({ variables }) => ({
    hashed: pick(variables, HASHED_VARIABLES),
    recorded: pick(variables, RECORDED_VARIABLES),
  }),
}

function pick(variables: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of names) {
    const value = variables[name]
    if (value !== undefined) found[name] = redactText(value.toWellFormed())
  }
  return found
}
