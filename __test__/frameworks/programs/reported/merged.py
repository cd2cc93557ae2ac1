"""A program that merges a file of settings with its command line, by OmegaConf."""

from omegaconf import OmegaConf

inner = OmegaConf.create({"not": "a setting"})
config = OmegaConf.merge(OmegaConf.load("configs/model/small.yaml"), {"depth": 2}, OmegaConf.from_cli())
print(OmegaConf.to_yaml(config))
