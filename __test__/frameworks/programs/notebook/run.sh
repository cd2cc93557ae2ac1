#!/bin/sh
# papermill makes no folder for its output.
set -e
mkdir -p out
papermill train.ipynb out/train.ipynb -p steps 20
