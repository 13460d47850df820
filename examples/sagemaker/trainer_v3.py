#!/usr/bin/env python3
"""Trains gcmc on SageMaker with the Python SDK 3 (pip install sagemaker), where ModelTrainer is what Estimator was.

    trainer_v3.py IMAGE ROLE [CHANNEL=S3 ...]       for example train=s3://bucket/ratings.csv; without one, ml-1m

IMAGE is the last line of build_and_push.sh; ROLE the ARN of the IAM role that SageMaker acts as. The image alone, no
source_code: with it the SDK starts Python in the image, which has none.
"""
import sys

from sagemaker.core.shapes import MetricDefinition, StoppingCondition, Tag
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData

if len(sys.argv) < 3:
    sys.exit(__doc__)
image, role, *channels = sys.argv[1:]
trainer = ModelTrainer(
    training_image=image,
    role=role,
    base_job_name="gcmc",
    compute=Compute(instance_type="ml.c5.2xlarge", instance_count=1),  # ml.g5.xlarge with the cuda image
    hyperparameters={"data_name": "ml-1m", "save_dir": "/opt/ml/model/"},  # options of gcmc train, with _ for -
    stopping_condition=StoppingCondition(max_runtime_in_seconds=4 * 3600),
    tags=[Tag(key="ML Task", value="GCMC")],
).with_metric_definitions([MetricDefinition(name="validation:rmse", regex=r"Val RMSE=([0-9\.]+)")])
data = [InputData(channel_name=name, data_source=s3) for name, s3 in (channel.split("=", 1) for channel in channels)]
trainer.train(input_data_config=data or None)
print(trainer._latest_training_job.model_artifacts.s3_model_artifacts)
