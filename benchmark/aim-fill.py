"""Fill a repository of Aim with the runs of benchmark/cases/page-aim.ts: REPOSITORY RUNS PARAMETERS METRICS VALUES."""

import sys

from aim import Run


def number_of(run: int, index: int) -> float:
    """Return the number that `numberOf` of benchmark/cases/find.ts returns."""
    return ((run * 2_654_435_761 + index * 40_503) % 2**32) % 10_007 / 10_007


def main() -> None:
    repository = sys.argv[1]
    runs, parameters, metrics, values = map(int, sys.argv[2:])
    for number in range(1, runs + 1):
        run = Run(repo=repository, experiment="sweep", system_tracking_interval=None, capture_terminal_logs=False)
        run.name = f"run-{number}"
        run.add_tag("base" if number % 2 == 0 else "other")
        rate = (0.1, 0.01, 0.001)[number % 3]
        choices = (rate, f"text {number % 7}", number % 50)
        run["hparams"] = {
            "lr" if index == 0 else f"parameter_{index}": choices[index % 3] for index in range(parameters)
        }
        for index in range(metrics):
            name = ("loss", "accuracy")[index] if index < 2 else f"metric_{index}"
            for step in range(values):
                run.track(number_of(number + step, index), name=name, step=step)
        run.close()


main()
