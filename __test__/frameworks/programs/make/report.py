import json
import sys

from safetensors.numpy import load_file

weights = load_file(sys.argv[1])
with open(sys.argv[2], "w") as file:
    json.dump({name: float(abs(values).sum()) for name, values in sorted(weights.items())}, file, indent=2)
