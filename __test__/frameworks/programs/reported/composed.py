"""A program with settings of Hydra, in groups, with a reference and a missing value."""

import hydra


@hydra.main(version_base=None, config_path="configs", config_name="train")
def main(config):
    print(config.model.width, config.total)


main()
