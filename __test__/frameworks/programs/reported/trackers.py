"""Weights & Biases, offline and disabled, and MLflow in one program; they get the same values, and some others."""

import os
import sys

os.environ.update(WANDB_MODE=sys.argv[1], WANDB_SILENT="true", MLFLOW_ALLOW_FILE_STORE="true", WANDB_DIR=os.getcwd())

import mlflow
import wandb

mlflow.set_tracking_uri("file:" + os.path.abspath("mlruns"))

wandb.init(project="test", config={"lr": 0.1, "model": {"width": 8, "hf_token": "hf_abcdefabcdefabcdefabcdefabcdefabcdef"}})
wandb.define_metric("accuracy", step_metric="epoch")
wandb.config.update({"epochs": 2})
wandb.config.batch = 16
with mlflow.start_run():
    mlflow.log_params({"lr": 0.1, "batch": 32})
    mlflow.log_param("epochs", 2)
    for step in range(4):
        wandb.log({"loss": 1 / (step + 1), "only": step, "group": {"value": step}, "text": "no metric"})
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    for epoch in range(2):
        wandb.log({"accuracy": 0.5 + epoch / 4, "epoch": epoch})
        mlflow.log_metrics({"accuracy": 0.5 + epoch / 4, "nan": float("nan")}, step=epoch)
    wandb.log({"late": 1.0}, step=40)
    mlflow.log_metric("single", 7)
with mlflow.start_run():
    mlflow.log_metric("loss", 5, step=0)
wandb.finish()
try:
    mlflow.log_metric("bad", "no number")
except Exception as error:
    print(type(error).__name__)
print("done")
