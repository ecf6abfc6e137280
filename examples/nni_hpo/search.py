"""You will see an NNI experiment of eight trials: each one's score, then its accuracy on digits."""

import argparse
import sys
from pathlib import Path

from nni.experiment import Experiment, ExperimentConfig
from trial import REFERENCE, SCORER, build_model

from zc_plugins.nni import hpo_space

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--port", type=int, default=8080, help="of NNI's web page")
    options = parser.parse_args()
    config = ExperimentConfig.load(Path(__file__).with_name("config.yml"))
    config.max_trial_number = options.trials
    config.trial_command = f"{sys.executable} trial.py"
    # What the trials' scores are compared with, the same for all of them.
    reference = SCORER.reference(hpo_space(build_model, config.search_space), size=40)
    REFERENCE.write_text(reference.to_json())

    experiment = Experiment(config)
    rows = [f"{'beats':>6} {'accuracy':>13}  parameters"]
    try:
        experiment.run(options.port)
        reports = experiment.get_job_metrics()
        for job in experiment.list_trial_jobs():
            told = [report.data for report in reports.get(job.trialJobId, [])]
            beats = f"{told[0]['default']:.0%}" if told else "-"
            outcome = f"{told[-1]:.1%}" if job.status == "SUCCEEDED" else job.status
            rows.append(f"{beats:>6} {outcome:>13}  {job.hyperParameters[0].parameters}")
    finally:
        experiment.stop()
    print(*rows, sep="\n")
